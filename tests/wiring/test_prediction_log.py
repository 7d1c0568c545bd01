"""An application that predicts writes its log where the settings say, and of a request what they allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from app import create_app
from app.monitoring.prediction_log.reader import LogReader, Record
from app.release.store import ReleaseStore
from app.wiring.prediction_log import find_prediction_log
from app.wiring.services import build_services
from config.settings.logged_inputs import read_logged_inputs
from tests.api.builders import make_key, make_settings
from tests.manifests import SIGNER
from tests.server import wait_until

Row = dict[str, Any]


@pytest.fixture
def predict_and_read(plan_store: ReleaseStore, tmp_path: Path) -> Callable[..., tuple[Row, Sequence[Record]]]:
    """Send as many requests as there are changes to the sample row; return that row and what is logged."""

    def predict(*changes: Mapping[str, Any], **settings_changes: Any) -> tuple[Row, Sequence[Record]]:
        trusted = (SIGNER.public_key.text,)
        settings = make_settings(tmp_path, model_path=plan_store.path, trusted_keys=trusted, **settings_changes)
        services = build_services(settings)
        client = create_app(settings, services).test_client()
        wait_until(services.ping, seconds=20)
        headers = {"X-API-Key": make_key(services, settings, "predict", "model_info").text}
        sample: Row = orjson.loads(client.get("/model/schema", headers=headers).data)["sample"]
        for changed in changes:
            client.post("/predict", json={"data": [{**sample, **changed}]}, headers=headers)
        services.close()
        page = services.metrics.write_page("").content.decode()
        assert f"gluonserve_prediction_log_lines_total {float(len(changes))}" in page
        assert "gluonserve_prediction_log_lost_lines_total 0.0" in page
        return sample, LogReader(find_prediction_log(settings)).read(1000)

    return predict


def test_each_request_is_a_line_below_the_home(predict_and_read: Any, tmp_path: Path) -> None:
    _, (answered, refused) = predict_and_read({}, {"visits": "many"})
    assert (answered["status"], answered["rows"], answered["version"]) == (200, 1, "1")
    assert answered["labels"][0] in answered["classes"]
    assert (refused["status"], refused["error"], refused["rows"]) == (422, "invalid_rows", 0)
    assert len(answered["key"]) == len(refused["key"]) == 8
    assert "inputs" not in answered
    assert list((tmp_path / "logs" / "predictions").glob("*.jsonl"))


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ("all", lambda row: row),
        ("visits", lambda row: {"visits": row["visits"]}),
        ("all,drop:visits", lambda row: {name: value for name, value in row.items() if name != "visits"}),
    ],
)
def test_of_inputs_is_kept_what_the_setting_allows(
    predict_and_read: Any, setting: str, kept: Callable[[Row], Row]
) -> None:
    sample, (record,) = predict_and_read({"unknown": "Canary7Value"}, logged_inputs=read_logged_inputs(setting))
    assert record["inputs"] == [kept(sample)]


def test_hashed_inputs_show_no_value(predict_and_read: Any) -> None:
    sample, (record,) = predict_and_read({}, logged_inputs=read_logged_inputs("hashed"))
    (row,) = record["inputs"]
    assert row.keys() == sample.keys()
    assert {len(value) for value in row.values() if value is not None} == {32}


def test_outputs_are_left_out_where_they_are_not_to_be_kept(predict_and_read: Any, tmp_path: Path) -> None:
    _, (record,) = predict_and_read({}, logged_outputs="none", log_path=tmp_path / "elsewhere")
    assert record.keys().isdisjoint({"labels", "probabilities", "classes"})
    assert list((tmp_path / "elsewhere" / "predictions").glob("*.jsonl"))
