"""`gluonserve predict` as an analyst uses it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.release.store import ReleaseStore
from app.serving.formats.media_types import CSV
from tests.bench.models.prepare import choose_rows
from tests.fixtures import FittedModel
from tests.serving.scoring.builders import write_table


@pytest.fixture(scope="module")
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> list[dict[str, Any]]:
    held_out = plannable("binary").held_out.drop(columns="bought")
    return list(choose_rows(held_out, published_plan.path)[:20])


@pytest.fixture
def run(published_plan: ReleaseStore, tmp_path: Path) -> Callable[..., Result]:
    environment = {"MODEL_PATH": str(published_plan.path), "GLUONSERVE_HOME": str(tmp_path / "home")}

    def invoke(*arguments: object) -> Result:
        command = ["predict", *map(str, arguments), "--processes", "1"]
        return CliRunner(env=environment).invoke(main, command)

    return invoke


def test_a_file_is_scored_into_another(run: Callable[..., Result], rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(write_table(rows, CSV))
    done = run(tmp_path / "rows.csv", tmp_path / "scores.csv")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Predicted 20 rows in ")
    with (tmp_path / "scores.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 20
    assert set(found[0]) == {"prediction", "probability_no", "probability_yes"}


def test_warnings_are_counted(run: Callable[..., Result], rows: list[dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(write_table([{**row, "city": "Paris", "mood": "good"} for row in rows], CSV))
    done = run(tmp_path / "rows.csv", tmp_path / "scores.jsonl", "--json")
    document = orjson.loads(done.output)
    assert document["rows"] == 20
    assert document["warnings"] == {"unseen": 20, "unknown_field": 1}


def test_faults_are_shown_and_nothing_is_written(
    run: Callable[..., Result], rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_bytes(write_table([{**row, "visits": "many"} for row in rows], CSV))
    done = run(tmp_path / "rows.csv", tmp_path / "scores.csv")
    assert done.exit_code == 1
    assert "row 0: visits: " in done.output
    assert "Error: 20 faults in rows 0 to 19; rows are counted from 0." in done.output
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("rows.xls", "scores.csv"), "rows.xls: the name must end in .csv"),
        (("rows.csv", "scores"), "scores: the name must end in .csv"),
        (("none.csv", "scores.csv"), "none.csv: there is no such file."),
        (("rows.csv", "scores.csv", "--version", "9"), "There is no version '9' in the model store."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    run: Callable[..., Result], tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "rows.csv").write_bytes(b"city\n")
    source, result, *options = arguments
    done = run(tmp_path / source, tmp_path / result, *options)
    assert done.exit_code == 1
    assert sentence in done.output


def test_a_store_without_an_active_version_says_what_to_do(tmp_path: Path) -> None:
    done = CliRunner(env={"GLUONSERVE_HOME": str(tmp_path)}).invoke(main, ["predict", "rows.csv", "scores.csv"])
    assert done.exit_code == 1
    assert "No version is active. Run: gluonserve models activate VERSION" in done.output
