"""What each actor of a cluster does. A whole cluster is measured by tests.bench.rows.cluster."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import pyarrow
import pyarrow.ipc
import pytest

from app.errors import FieldFault
from app.release.store import ReleaseStore
from app.serving.formats.media_types import ARROW_STREAM, JSON_LINES
from app.serving.scoring.local_engine import LocalEngine
from app.serving.scoring.order import ScoringRefused
from app.serving.scoring.ray_engine import PartActor
from app.serving.scoring.scorer import PartRefusal
from tests.bench.models.prepare import choose_rows
from tests.fixtures import FittedModel
from tests.serving.scoring.builders import NobodyLooks, choose, write_table


@pytest.fixture(scope="module")
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> list[dict[str, Any]]:
    held_out = plannable("binary").held_out.drop(columns="bought")
    return list(choose_rows(held_out, published_plan.path)[:20])


def test_an_actor_answers_as_this_machine_does(published_plan: ReleaseStore, rows: list[dict[str, Any]]) -> None:
    sink = io.BytesIO()
    engine = LocalEngine(choose(published_plan), processes=1, watcher=NobodyLooks())
    engine.score(io.BytesIO(write_table(rows, JSON_LINES)), JSON_LINES, sink, ARROW_STREAM)
    expected = pyarrow.ipc.open_stream(sink.getvalue()).read_all()  # type: ignore[no-untyped-call]
    actor = PartActor(choose(published_plan))
    assert actor(pyarrow.Table.from_pylist(rows)).equals(expected)
    of_two_files = pyarrow.concat_tables([pyarrow.Table.from_pylist(rows[:7]), pyarrow.Table.from_pylist(rows[7:])])
    assert actor(of_two_files).equals(expected)


def test_an_actor_refuses_a_batch_with_faults(published_plan: ReleaseStore, rows: list[dict[str, Any]]) -> None:
    broken = [{**row, "gender": "X"} for row in rows[:2]]
    actor = PartActor(choose(published_plan))
    with pytest.raises(ScoringRefused) as refused:
        actor(pyarrow.Table.from_pylist(broken))
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(0, "gender"), (1, "gender")]


def test_a_refusal_goes_from_process_to_process() -> None:
    refusal = PartRefusal("invalid_rows", "1 fault in rows 0 to 9.", (FieldFault(3, "visits", "Expected a number."),))
    arrived = pickle.loads(pickle.dumps(ScoringRefused(refusal)))  # noqa: S301 - as Ray does
    assert (arrived.detail, arrived.code, arrived.faults) == (refusal.detail, refusal.code, refusal.faults)
