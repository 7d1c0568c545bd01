"""Whole tables scored on this machine."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from app.errors import ReleaseUnusable
from app.release.store import ReleaseStore
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET, TABLES
from app.serving.formats.tables import open_table
from app.serving.scoring.local_engine import LocalEngine
from app.serving.scoring.order import Progress, ScoringRefused
from tests.bench.models.prepare import choose_rows
from tests.fixtures import FittedModel
from tests.serving.scoring.builders import NobodyLooks, choose, write_table

ROWS = 25


@pytest.fixture(scope="module")
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> list[dict[str, Any]]:
    held_out = plannable("binary").held_out.drop(columns="bought")
    return list(choose_rows(held_out, published_plan.path)[:ROWS])


@pytest.fixture
def engine(published_plan: ReleaseStore) -> LocalEngine:
    return LocalEngine(choose(published_plan), processes=1, watcher=NobodyLooks())


def score(engine: LocalEngine, content: bytes, media_type: str, result_type: str = CSV) -> tuple[bytes, Progress]:
    sink = io.BytesIO()
    progress = engine.score(io.BytesIO(content), media_type, sink, result_type, rows_of_part=10)
    return sink.getvalue(), progress


def read(content: bytes, media_type: str) -> list[dict[str, Any]]:
    with open_table(io.BytesIO(content), media_type, chunk_rows=1000) as table:
        return [row for chunk in table for row in chunk]


@pytest.mark.parametrize("media_type", TABLES)
def test_a_table_gets_the_same_answers_in_every_format_and_however_it_is_cut(
    engine: LocalEngine, rows: list[dict[str, Any]], published_plan: ReleaseStore, media_type: str
) -> None:
    release = choose(published_plan).load()
    expected = release.executor.predict(release.validator.check(rows).rows)
    result, progress = score(engine, write_table(rows, media_type), media_type)
    found = read(result, CSV)
    assert progress.rows == ROWS
    assert [row["prediction"] for row in found] == expected.labels
    assert [float(row["probability_yes"]) for row in found] == [row["yes"] for row in expected.probabilities or ()]


@pytest.mark.parametrize("result_type", [JSON_LINES, PARQUET, ARROW_STREAM])
def test_results_of_every_format_hold_the_same_rows(
    engine: LocalEngine, rows: list[dict[str, Any]], result_type: str
) -> None:
    table = write_table(rows, JSON_LINES)
    as_csv = read(score(engine, table, JSON_LINES)[0], CSV)
    found = read(score(engine, table, JSON_LINES, result_type)[0], result_type)
    assert [{name: str(value) for name, value in row.items()} for row in found] == as_csv


def test_a_table_without_rows_gets_a_result_without_rows(engine: LocalEngine) -> None:
    assert score(engine, b"city\n", CSV)[0] == b"prediction,probability_no,probability_yes\n"
    empty, progress = score(engine, b"city\n", CSV, PARQUET)
    assert read(empty, PARQUET) == []
    assert progress.rows == 0


@pytest.mark.parametrize("result_type", TABLES)
def test_a_part_that_is_refused_refuses_the_table(
    engine: LocalEngine, rows: list[dict[str, Any]], result_type: str
) -> None:
    broken = [*rows[:12], {**rows[12], "visits": "many"}, *rows[13:]]
    with pytest.raises(ScoringRefused) as refused:
        score(engine, write_table(broken, JSON_LINES), JSON_LINES, result_type)
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(12, "visits")]
    assert refused.value.code == "invalid_rows"


def test_progress_tells_rows_and_the_share_of_the_table(
    published_plan: ReleaseStore, rows: list[dict[str, Any]]
) -> None:
    watcher, content = NobodyLooks(), write_table(rows, CSV)
    engine = LocalEngine(choose(published_plan), processes=1, watcher=watcher)
    engine.score(io.BytesIO(content), CSV, io.BytesIO(), CSV, size=len(content))
    assert watcher.last is not None
    assert (watcher.last.rows, watcher.last.share) == (ROWS, 1.0)
    assert watcher.last.rows_per_second > 0


def test_several_processes_give_the_same_result_as_one(
    published_plan: ReleaseStore, engine: LocalEngine, rows: list[dict[str, Any]]
) -> None:
    several = LocalEngine(choose(published_plan), processes=2, watcher=NobodyLooks())
    content = write_table(rows, CSV)
    assert score(several, content, CSV)[0] == score(engine, content, CSV)[0]


def test_processes_that_cannot_load_the_release_say_why(plan_store: ReleaseStore) -> None:
    (plan_store.directory("1") / "schema.json").write_text("{}")
    several = LocalEngine(choose(plan_store), processes=2, watcher=NobodyLooks())
    with pytest.raises(ReleaseUnusable, match="schema"):
        score(several, b"city\nOslo\n", CSV)
