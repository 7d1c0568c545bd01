"""From a prediction over HTTP to its outcome, and to quality as the watcher tells it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from sklearn import metrics

from app.database import opened_database
from app.monitoring.snapshots import Snapshot, SnapshotStore
from config.settings import load_settings
from tests.fixtures import FittedModel
from tests.server import RunningServer, running_server, wait_until

ROWS = 150


@dataclass(frozen=True)
class Answered:
    """A prediction as its caller has it, and what turned out to be true."""

    id: str
    label: str
    probability: float
    truth: str


@pytest.fixture(scope="module")
def server(plan_home: Path) -> Iterator[RunningServer]:
    with running_server(plan_home, workers=2, environment={"GLUONSERVE_MONITOR": "off"}) as started:
        wait_until(started.is_ready, seconds=60)
        yield started


@pytest.fixture(scope="module")
def key(plan_home: Path, make_key: Callable[..., str]) -> str:
    return make_key(plan_home, "predict", "feedback")


@pytest.fixture(scope="module")
def answered(server: RunningServer, key: str, plannable: Callable[[str], FittedModel]) -> list[Answered]:
    """Predictions of held-out rows; those that the schema refuses are left out."""
    held_out = plannable("binary").held_out.head(ROWS)
    rows = orjson.loads(held_out.drop(columns="bought").to_json(orient="records", date_format="iso"))
    answers = [(server.predict([row], key), truth) for row, truth in zip(rows, held_out["bought"], strict=True)]
    return [
        Answered(body["prediction_ids"][0], body["predictions"][0], body["probabilities"][0]["yes"], truth)
        for body, truth in ((answer.json(), truth) for answer, truth in answers if answer.status_code == 200)
    ]


def tell(server: RunningServer, key: str, *told: tuple[str, Any]) -> dict[str, Any]:
    outcomes = [{"prediction_id": id, "outcome": outcome} for id, outcome in told]
    answer = requests.post(
        f"{server.url}/feedback", json={"outcomes": outcomes}, headers={"X-API-Key": key}, timeout=30
    )
    assert answer.status_code == requests.codes.ok, answer.text
    body: dict[str, Any] = answer.json()
    return body


def watch_once(home: Path) -> dict[str, Snapshot]:
    """Have the log read and the outcomes counted; return what was told last of each kind."""
    subprocess.run(
        [sys.executable, "-m", "app.cli", "monitor", "--once"],
        env={**os.environ, "GLUONSERVE_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    with opened_database(load_settings({"GLUONSERVE_HOME": str(home)}).database_url) as database:
        store = SnapshotStore(database)
        found = {kind: store.latest(kind, version="1") for kind in ("quality", "estimate")}
    return {kind: snapshot for kind, snapshot in found.items() if snapshot is not None}


def list_values(snapshot: Snapshot) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in snapshot.document["metrics"]}


def test_outcomes_told_over_http_come_out_as_the_metrics_of_scikit_learn(
    server: RunningServer, key: str, answered: list[Answered], plan_home: Path
) -> None:
    assert len(answered) > 100
    first, *others = answered
    beyond = first.id.removesuffix("-0") + "-7"
    tell(server, key, (first.id, "yes" if first.truth == "no" else "no"), (beyond, "no"))
    receipt = tell(server, key, *((item.id, item.truth) for item in answered))
    assert (receipt["accepted"], receipt["changed"], receipt["repeated"]) == (len(others), 1, 0)

    told = watch_once(plan_home)
    truth, labels = [item.truth for item in answered], [item.label for item in answered]
    is_yes, scores = [item.truth == "yes" for item in answered], [item.probability for item in answered]
    values = list_values(told["quality"])
    assert told["quality"].document["outcomes"] == len(answered)
    assert {name: values[name] for name in ("accuracy", "f1", "mcc", "roc_auc", "log_loss")} == {
        "accuracy": pytest.approx(metrics.accuracy_score(truth, labels), abs=1e-12),
        "f1": pytest.approx(metrics.f1_score(truth, labels, pos_label="yes"), abs=1e-12),
        "mcc": pytest.approx(metrics.matthews_corrcoef(truth, labels), abs=1e-12),
        "roc_auc": pytest.approx(metrics.roc_auc_score(is_yes, scores), abs=1e-12),
        "log_loss": pytest.approx(metrics.log_loss(is_yes, scores), abs=1e-12),
    }
    estimate = told["estimate"].document
    assert estimate["rows"] == len(answered)
    assert estimate["checked"]["accuracy"]["true"] == values["accuracy"]
    assert abs(estimate["checked"]["accuracy"]["estimated"] - values["accuracy"]) < 0.2

    # The second look notes in the database what the first one has kept, and counts nothing twice.
    assert list_values(watch_once(plan_home)["quality"]) == values
    receipt = tell(server, key, (first.id, first.truth), (beyond, "no"))
    assert (receipt["accepted"], receipt["changed"], receipt["repeated"]) == (0, 0, 2)
    assert [error["row"] for error in receipt["errors"]] == [1]
