from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.wiring.services import Services
from tests.api.builders import make_loaded_release


def test_the_active_model_is_described(client: FlaskClient) -> None:
    answer = client.get("/model/info")

    assert answer.status_code == 200
    assert answer.get_json() == {
        "name": "churn",
        "version": "3",
        "problem_type": "binary",
        "eval_metric": "log_loss",
        "created": "2026-11-23T04:19:03Z",
        "label": "churn",
        "class_labels": ["No", "Yes"],
        "positive_class": "Yes",
        "decision_threshold": 0.5,
        "quantile_levels": None,
        "best_model": "WeightedEnsemble_L2",
        "execution": "plan",
        "plan_refusal": None,
        "rejected_features": [],
        "quality": {"log_loss": {"value": 0.42, "low": 0.4, "high": 0.44, "higher_is_better": False}},
        "feature_importance": [
            {"feature": "contract", "importance": 0.2, "stddev": 0.02},
            {"feature": "tenure", "importance": 0.01, "stddev": 0.001},
        ],
        "checks": {"one_row_latency_ms": 4.5},
        "rows": {"train": 5000, "held_out": 1000},
        "size_mb": 1.5,
        "size_before_mb": 12.5,
        "libraries": {"autogluon.tabular": "1.6.3"},
    }


def test_a_quantile_model_is_described_by_its_levels(client: FlaskClient, services: Services) -> None:
    services.active.current = make_loaded_release(
        problem_type="quantile",
        eval_metric="pinball_loss",
        class_labels=None,
        positive_class=None,
        decision_threshold=None,
        quantile_levels=(0.1, 0.5, 0.9),
        rows_train=None,
    )

    body = client.get("/model/info").get_json()

    assert body["quantile_levels"] == [0.1, 0.5, 0.9]
    assert body["class_labels"] is None
    assert body["rows"] == {"train": None, "held_out": 1000}


def test_the_rows_of_the_active_model_are_described(client: FlaskClient) -> None:
    body = client.get("/model/schema").get_json()

    assert list(body) == ["name", "version", "features", "unused", "sample"]
    assert body["unused"] == ["churn"]
    assert body["features"][2] == {
        "name": "senior",
        "type": "int",
        "nullable": False,
        "two_valued": True,
        "categories": [0, 1],
        "minimum": None,
        "maximum": None,
        "date_formats": [],
        "time_zone": None,
        "sample": 0,
    }


def test_the_sample_row_can_be_sent_as_it_is(client: FlaskClient) -> None:
    sample = client.get("/model/schema").get_json()["sample"]

    answer = client.post("/predict", json={"data": [sample]})

    assert answer.status_code == 200
    assert "warnings" not in answer.get_json()


@pytest.mark.parametrize("path", ["/model/info", "/model/schema"])
def test_without_a_model_there_is_nothing_to_describe(client: FlaskClient, services: Services, path: str) -> None:
    services.active.current = None

    answer = client.get(path)

    assert answer.status_code == 503
    assert answer.get_json()["error"] == "model_not_ready"
