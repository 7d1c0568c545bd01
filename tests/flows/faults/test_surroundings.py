"""What stands around a server breaks, and predictions go on: Redis, the database, the disk, the watcher, the log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from app.release.store import ReleaseStore
from tests.bench.load.open_loop import Answer
from tests.flows.faults.rig.around import FAULTS, Surroundings, surroundings
from tests.flows.faults.rig.breaking import CARELESS_APPLICATION, CARELESS_HEADER
from tests.flows.faults.rig.installation import PATIENCE_SECONDS, Installation
from tests.flows.faults.rig.scale import Finding, Scale
from tests.flows.faults.rig.traffic import Address, choose_rate, describe_failures, list_failed, load_on
from tests.server import wait_until

PART = "surroundings"
RATE = 40.0


@dataclass(frozen=True)
class Surrounded:
    """A server behind nginx that runs, and all that is around it."""

    place: Surroundings
    installation: Installation
    address: Address
    rate: float


@pytest.fixture(scope="module")
def surrounded(
    published_plan: ReleaseStore, rows: Sequence[object], tmp_path_factory: pytest.TempPathFactory, scale: Scale
) -> Iterator[Surrounded]:
    home = tmp_path_factory.mktemp("surrounded") / "home"
    with surroundings(home) as place:
        shutil.copytree(published_plan.path, home / "models")
        installation = Installation(home, place.make_key(), rows)
        with (
            installation.serve(place.settings, application=CARELESS_APPLICATION) as server,
            installation.stand_before(server) as address,
        ):
            rate = choose_rate(scale, address, installation.make_requests(), short=RATE)
            yield Surrounded(place, installation, address, rate)


def break_under_load(
    surrounded: Surrounded, fault: str, requests: Sequence[bytes], *, rate: float, seconds: float
) -> Sequence[Answer]:
    """What was asked from when something broke to when it was whole again. Before, everything was well."""
    wait_until(lambda: is_well(surrounded, requests), seconds=PATIENCE_SECONDS)
    with load_on(surrounded.address, requests, rate=rate) as load:
        begun = time.perf_counter()
        with FAULTS[fault].applied_to(surrounded.place):
            time.sleep(seconds)
        ended = time.perf_counter()
    assert describe_failures([answer for answer in load.answers if answer.received < begun]) == {}
    return [answer for answer in load.answers if begun <= answer.received and answer.intended <= ended]


def is_well(surrounded: Surrounded, requests: Sequence[bytes]) -> bool:
    with load_on(surrounded.address, requests, rate=RATE, quiet_seconds=0.1) as load:
        pass
    return list_failed(load.answers) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_predictions_go_on(fault: str, surrounded: Surrounded, scale: Scale) -> None:
    requests = surrounded.installation.make_requests()
    seconds = scale.choose(short=0.3, whole=8.0)
    answers = break_under_load(surrounded, fault, requests, rate=surrounded.rate, seconds=seconds)
    failed = list_failed(answers)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{fault}; callers ask nginx",
            requests=len(answers),
            failed=len(failed),
            measured={"requests a second": f"{surrounded.rate:.0f}"},
            holds=failed == [],
        )
    )
    assert describe_failures(answers) == {}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if "worker" not in fault])
def test_requests_that_need_it_fail(fault: str, surrounded: Surrounded, scale: Scale) -> None:
    requests = surrounded.installation.make_requests(headers=f"{CARELESS_HEADER}: {FAULTS[fault].needed_by}\r\n")
    answers = break_under_load(surrounded, fault, requests, rate=RATE, seconds=0.3)
    failed = list_failed(answers)
    scale.keep(
        Finding(
            part=PART,
            fault=f"{fault}; callers ask nginx",
            guard=f"the guard: each request asks the {FAULTS[fault].needed_by} first",
            requests=len(answers),
            failed=len(failed),
            holds=failed != [],
        )
    )
    assert failed != []
