"""The page of a service of which everything is known: every metric that there is, with its labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.parser import text_string_to_metric_families

from app.errors import FieldFault
from app.monitoring.metrics.front import FrontCollector
from app.monitoring.metrics.machine import ProcessCollector
from app.monitoring.snapshots import SnapshotStore
from app.release.pointer import make_first_pointer, write_pointer
from app.runtime.switching.workers import WorkerRecord, WorkerState
from app.security.audit import AuditLog
from app.wiring.services import Services, build_services
from config.front.desk import Desk
from config.survival.survival import Survival
from tests.api.builders import make_loaded_release, make_settings
from tests.monitoring.builders import make_answer, make_event
from tests.monitoring.metrics.findings import (
    make_drift,
    make_estimate,
    make_feature,
    make_heartbeat,
    make_quality,
    make_snapshot,
)


@dataclass(frozen=True)
class Described:
    """A metric as the page has it; `names` are those of its samples."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str
    names: frozenset[str]


@cache
def read_full_page() -> Mapping[str, Described]:
    """All metrics by their names, in the order of the page."""
    with TemporaryDirectory() as home, _services_of_which_all_is_known(Path(home)) as services:
        page = services.metrics.write_page("").content.decode()
    families = text_string_to_metric_families(page)
    described = (
        Described(
            name=f"{family.name}_total" if family.type == "counter" else family.name,
            type=family.type,
            labels=tuple(name for name in family.samples[0].labels if name != "le") if family.samples else (),
            meaning=family.documentation,
            names=frozenset(sample.name for sample in family.samples),
        )
        for family in families
    )
    # A process that shares nothing also tells when it began to count.
    return {one.name: one for one in described if not one.name.endswith("_created")}


@contextmanager
def _services_of_which_all_is_known(home: Path) -> Iterator[Services]:
    settings = make_settings(home)
    services = build_services(settings)
    services.active.current = make_loaded_release()
    _note_what_is_kept(services)
    settings.model_path.mkdir(parents=True, exist_ok=True)
    write_pointer(settings.model_path, make_first_pointer("3", by="tests", at="2026-11-23T04:19:03.123Z"))
    worker = WorkerRecord(settings.model_path)
    state = WorkerState(pid=os.getpid(), host=os.uname().nodename, active="3", golden_ok=True, golden_at=0.0)
    worker.open(replace(state, cache={"hits": 1}))
    desk, survival = Desk(), Survival(threads=1, log=None)
    services.metrics.add_collector(FrontCollector(lambda: {**desk.count(), **survival.count()}))
    services.metrics.add_collector(ProcessCollector(os.getpid()))
    warning = FieldFault(0, "tenure", "", "unseen")
    refused = make_event(status=429, error="rate_limited", limit="rows")
    services.metrics.consume([make_event(make_answer(warnings=[warning])), refused], lost=0)
    try:
        yield services
    finally:
        desk.close()
        worker.close()
        services.close()


def _note_what_is_kept(services: Services) -> None:
    AuditLog(services.database).record(actor="tests", action="activate", target="model", outcome="done")
    SnapshotStore(services.database).add(
        make_snapshot("drift", make_drift(make_feature("tenure", unseen_share=0.1))),
        make_snapshot("quality", make_quality()),
        make_snapshot("estimate", make_estimate()),
        make_snapshot("watcher", make_heartbeat(), version=None),
    )
