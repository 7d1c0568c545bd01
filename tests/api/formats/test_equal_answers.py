"""The same rows get the same answers, to the last bit, whatever they are written in."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import create_app
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease, load_release
from app.wiring.services import build_services
from tests.api.builders import make_key, make_settings
from tests.api.formats.dialects import Dialects
from tests.builders import LABELS, fit_predictor, make_mixed_frame, make_release
from tests.manifests import SIGNER, TRUST

PROBLEM_TYPES = ("binary", "multiclass", "regression", "quantile")
LEFT_OUT = ("note", "seen_berlin", *LABELS.values())


@pytest.fixture(scope="module", params=PROBLEM_TYPES)
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedRelease:
    """A small model of each problem type, with columns of every kind."""
    path, label = tmp_path_factory.mktemp("equal"), LABELS[request.param]
    frame = make_mixed_frame(600).drop(columns=[name for name in LEFT_OUT if name != label])
    predictor = fit_predictor(frame[:400], problem_type=request.param, path=path / "model", families=("GBM",))
    store = ReleaseStore(path / "models", signer=SIGNER)
    make_release(store, predictor, frame[400:], train_data=frame[:400])
    return load_release(store.directory("1"), trust=TRUST)


@pytest.fixture(scope="module")
def dialects(release: LoadedRelease, tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = make_settings(tmp_path_factory.mktemp("home"))
    services = build_services(settings)
    services.active.current = release
    client = create_app(settings, services).test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict").text
    yield Dialects(client, release.manifest)
    services.close()


def list_values(release: LoadedRelease) -> dict[str, st.SearchStrategy[Any]]:
    """For each feature values of training and others like them; a column has one kind, as tables have."""
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    for feature in release.schema.features:
        known = [feature.sample, *(feature.categories or ())]
        values: st.SearchStrategy[Any] = st.sampled_from([value for value in known if value is not None])
        if feature.type == "float" and not feature.two_valued:
            values |= st.floats(-1e6, 1e6)
        elif feature.type == "int" and not feature.two_valued:
            values |= st.integers(0, 100)
        elif feature.type == "category" and not feature.two_valued and isinstance(feature.sample, str):
            values |= st.sampled_from(["Paris", " Rome ", 'a "quote", and a comma', "line\nline", "é"])
        elif feature.type == "datetime":
            values |= st.dates(datetime(2000, 1, 1).date(), datetime(2030, 1, 1).date()).map(str)  # noqa: DTZ001
        strategies[feature.name] = values if feature.nullable is False else values | st.none()
    return strategies


@given(data=st.data())
@hypothesis_settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_dialect_gives_the_same_answers(release: LoadedRelease, dialects: Dialects, data: st.DataObject) -> None:
    values = list_values(release)
    drawn = data.draw(st.lists(st.tuples(*values.values()), min_size=1, max_size=6))
    rows = [dict(zip(values, row, strict=True)) for row in drawn]
    asked = dialects.list_all()
    expected = asked["json"](rows)
    assert {name: ask(rows) for name, ask in asked.items()} == dict.fromkeys(asked, expected)


def test_an_answer_that_differs_by_the_last_bit_is_found(dialects: Dialects, release: LoadedRelease) -> None:
    rows = [release.schema.sample_row()]
    answer = dialects.list_all()["json"](rows)
    name = next(name for name, value in answer[0].items() if isinstance(value, float))
    assert answer != [{**answer[0], name: math.nextafter(answer[0][name], math.inf)}]
