"""From a request to a snapshot: rows are summed up where they are answered, and judged by who reads the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from app.errors import InvalidRows
from app.monitoring.drift.sketcher import ProfileSketcher
from app.monitoring.prediction_log.reader import LogReader
from app.monitoring.prediction_log.sketches import NoSketcher
from app.monitoring.snapshots import now_in_utc
from app.release.profile.reference import PROFILE
from app.release.store import ReleaseStore
from app.release.verification import read_schema
from app.runtime.rows import RowValidator
from app.training.publication.proof import frame_to_rows
from app.wiring.drift import make_drift_part, make_sketcher_maker
from app.wiring.prediction_log import find_prediction_log
from app.wiring.services import build_services
from tests.api.builders import make_key, make_settings
from tests.fixtures import FittedModel
from tests.manifests import SIGNER
from tests.release.profile.test_opening import drop_profile
from tests.server import wait_until


@pytest.fixture
def rows(published_plan: ReleaseStore, plannable: Callable[[str], FittedModel]) -> Sequence[dict[str, Any]]:
    """500 rows as a caller sends them, which the model was not made of."""
    schema = read_schema(published_plan.directory("1"))
    validator = RowValidator(schema)

    def is_fine(row: dict[str, Any]) -> bool:
        try:
            return bool(validator.check([row]))
        except InvalidRows:
            return False

    fine = [row for row in frame_to_rows(plannable("binary").held_out, schema) if is_fine(row)]
    return (fine * 2)[:500]


@pytest.mark.parametrize(("factor", "levels"), [(1, {0}), (1000, {0, 2})])
def test_what_callers_send_is_compared_with_what_the_model_was_made_of(
    published_plan: ReleaseStore, rows: Sequence[dict[str, Any]], tmp_path: Path, factor: int, levels: set[int]
) -> None:
    settings = make_settings(
        tmp_path, model_path=published_plan.path, trusted_keys=(SIGNER.public_key.text,), drift_window_rows=500
    )
    services = build_services(settings)
    client = create_app(settings, services).test_client()
    wait_until(services.ping, seconds=20)
    key = make_key(services, settings, "predict").text
    changed = [{**row, "visits": row["visits"] * factor} for row in rows]
    assert client.post("/predict", json={"data": changed}, headers={"X-API-Key": key}).status_code == 200
    services.close()
    part = make_drift_part(settings, published_plan)(None)
    for record in LogReader(find_prediction_log(settings)).read(1000):
        part.consume(record)
    (told,) = part.snapshots(now_in_utc())
    assert (told.version, told.document["rows"]) == ("1", 500)
    features = told.document["features"]
    assert {feature["level"] for feature in features} == levels
    if factor != 1:
        assert features[0]["name"] == "visits"
        assert [feature["name"] for feature in features if feature["level"]] == ["visits"]
    assert told.document["predictions"]["name"] in ("class", "probability of yes")


def test_a_version_without_a_profile_is_answered_and_not_watched(plan_store: ReleaseStore) -> None:
    assert isinstance(make_sketcher_maker(plan_store)("1"), ProfileSketcher)
    drop_profile(plan_store.directory("1"))
    assert isinstance(make_sketcher_maker(plan_store)("1"), NoSketcher)


def test_a_version_whose_profile_was_altered_is_not_watched(
    plan_store: ReleaseStore, caplog: pytest.LogCaptureFixture
) -> None:
    (plan_store.directory("1") / PROFILE).write_bytes(b"{}")
    assert isinstance(make_sketcher_maker(plan_store)("1"), NoSketcher)
    assert "Drift of version 1 is not watched: Version 1: profile.json was altered" in caplog.text
