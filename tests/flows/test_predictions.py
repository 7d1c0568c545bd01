"""What the served model answers, against what the predictor answers to the same rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.release.store import ReleaseStore
from app.release.verification import read_schema
from app.training.publication.proof import frame_to_rows
from tests.builders import make_release
from tests.fixtures import FittedModel
from tests.manifests import SIGNER
from tests.server import RunningServer, running_server

ALONE_ROWS = 25
HOSTILE_VALUES: list[Any] = [
    None,
    True,
    -1,
    2,
    5.7,
    1e38,
    10**18,
    "",
    " ",
    "1",
    "true",
    "nan",
    "garbage",
    "9999-12-31",
    "2024-02-29T23:59:59Z",
    "\u0000",
    "é" * 5000,
    [],
    {"a": 1},
]


@pytest.mark.parametrize("problem_type", ["binary", "multiclass", "regression", "quantile"])
def test_served_answers_equal_those_of_the_predictor_one_row_a_request_and_all_rows_in_one(
    fitted: Callable[[str], FittedModel], tmp_path: Path, make_key: Callable[..., str], problem_type: str
) -> None:
    model = fitted(problem_type)
    store = ReleaseStore(tmp_path / "models", signer=SIGNER)
    manifest = make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    rows = frame_to_rows(model.held_out, read_schema(store.directory(manifest.version)))
    expected = model.predictor.predict(model.held_out)
    with running_server(tmp_path, workers=1) as server:
        key = make_key(tmp_path)
        together = server.predict(rows, key).json()
        alone = [server.predict([row], key).json() for row in rows[:ALONE_ROWS]]
    assert_labels_equal([answer["predictions"][0] for answer in alone], together["predictions"][:ALONE_ROWS])
    if problem_type == "quantile":
        assert [list(label.values()) for label in together["predictions"]] == [
            pytest.approx(row, rel=1e-6) for row in expected.to_numpy().tolist()
        ]
    elif problem_type == "regression":
        assert together["predictions"] == pytest.approx(expected.tolist(), rel=1e-6)
    else:
        assert together["predictions"] == expected.tolist()
        assert_probabilities_equal(together["probabilities"], model, alone)


def assert_labels_equal(got: list[Any], expected: list[Any]) -> None:
    for one, other in zip(got, expected, strict=True):
        assert one == (other if isinstance(other, str | int) else pytest.approx(other, rel=1e-6))


def assert_probabilities_equal(
    together: list[dict[str, float]], model: FittedModel, alone: list[dict[str, Any]]
) -> None:
    frame = model.predictor.predict_proba(model.held_out)
    expected = [dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.to_numpy().tolist()]
    assert together == [pytest.approx(row, abs=1e-6) for row in expected]
    assert [answer["probabilities"][0] for answer in alone] == [
        pytest.approx(row, abs=1e-6) for row in expected[:ALONE_ROWS]
    ]


def test_the_sample_row_of_the_schema_can_be_sent_as_it_is(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(shared_home)
    sample = server.get("/model/schema", key).json()["sample"]
    answer = server.predict([sample], key)
    assert answer.status_code == 200
    assert "warnings" not in answer.json()


def test_no_value_of_any_field_makes_the_server_fail(
    server: RunningServer, shared_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(shared_home)
    sample = server.get("/model/schema", key).json()["sample"]
    statuses = {
        (name, str(value)[:20]): server.predict([{**sample, name: value}], key).status_code
        for name in sample
        for value in HOSTILE_VALUES
    }
    assert {status for status in statuses.values() if status not in (200, 400, 422)} == set(), statuses
    assert (statuses["visits", "5.7"], statuses["member", "true"], statuses["city", "garbage"]) == (422, 200, 200)
