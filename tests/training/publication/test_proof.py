from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.release.golden import read_golden_rows
from app.release.store import GOLDEN, PLAN, ReleaseStore
from app.release.verification import read_schema
from app.runtime.native import NativeExecutor
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.training.profile import profile_features
from app.training.publication.proof import ask_predictor, find_plan_fault, prove_answers
from app.training.refusals import TrainingRefused
from tests.builders import make_release
from tests.fixtures import FittedModel


def test_a_release_says_what_it_was_made_of(fitted: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = fitted("binary")
    manifest = make_release(ReleaseStore(tmp_path), model.predictor, model.held_out, train_data=model.train_data)
    assert (manifest.name, manifest.version, manifest.label) == ("shop", "1", "bought")
    assert (manifest.class_labels, manifest.positive_class) == (("no", "yes"), "yes")
    assert (manifest.rows_train, manifest.rows_held_out) == (700, 500)
    assert manifest.libraries["autogluon.tabular"].startswith("1.6.")
    assert manifest.size_mb > 0


def test_importance_is_measured_for_every_feature_and_highest_first(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    model = fitted("binary")
    store = ReleaseStore(tmp_path)
    manifest = make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    values = [item.importance for item in manifest.feature_importance.values()]
    assert values == sorted(values, reverse=True)
    assert set(manifest.feature_importance) == {feature.name for feature in read_schema(store.directory("1")).features}
    # The labels were made from these.
    assert {"visits", "member", "city", "amount", "shop"} & set(list(manifest.feature_importance)[:3])


def test_golden_rows_are_held_out_rows_with_the_answers_of_the_predictor(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    model = fitted("binary")
    store = ReleaseStore(tmp_path)
    make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    golden = read_golden_rows(store.directory("1") / GOLDEN)
    assert len(golden.rows) == 16
    assert golden.labels == model.predictor.predict(model.held_out.head(16)).tolist()


class _WrongExecutor:
    """Answers with what another model would say."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions(["no"] * len(rows), [{"no": 0.9, "yes": 0.1}] * len(rows))


def test_a_release_that_does_not_answer_as_its_predictor_is_refused(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    proof = ask_predictor(model.predictor, model.held_out, schema)
    with pytest.raises(TrainingRefused, match="does not answer as the predictor does"):
        prove_answers(_WrongExecutor(), proof)


def test_a_hold_out_in_which_no_row_fits_is_refused(fitted: Callable[[str], FittedModel]) -> None:
    model = fitted("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    with pytest.raises(TrainingRefused, match=r'No held-out row fits.*in the field "gender": Expected "F" or "M"'):
        ask_predictor(model.predictor, model.held_out.assign(gender="X"), schema)


def test_a_predictor_that_has_no_plan_is_published_with_the_reason(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    model = fitted("binary")
    store = ReleaseStore(tmp_path)
    manifest = make_release(store, model.predictor, model.held_out, train_data=model.train_data)
    assert manifest.plan_refusal == "Columns of free text have no plan: note."
    assert not (store.directory("1") / PLAN).exists()


def test_a_plan_that_answers_otherwise_is_found_and_named(plannable: Callable[[str], FittedModel]) -> None:
    model = plannable("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    proof = ask_predictor(model.predictor, model.held_out, schema)
    fault = find_plan_fault(_WrongExecutor(), model.predictor, schema, proof)
    assert fault is not None
    assert fault.startswith("a held-out row in a batch of 1: ")


class _WrongForManyRows:
    """Answers as the predictor does until it is asked for thousands of rows."""

    def __init__(self, native: Executor) -> None:
        self._native = native

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return (_WrongExecutor() if len(rows) > 1000 else self._native).predict(rows)


def test_a_plan_that_answers_otherwise_only_in_thousands_of_rows_is_found(
    plannable: Callable[[str], FittedModel],
) -> None:
    model = plannable("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    proof = ask_predictor(model.predictor, model.held_out, schema)
    fault = find_plan_fault(_WrongForManyRows(NativeExecutor(model.predictor, schema)), model.predictor, schema, proof)
    assert fault is not None
    assert fault.startswith("a row of mixed values in a batch of 3000: ")


def test_a_publication_that_is_refused_leaves_the_store_as_it_was(
    fitted: Callable[[str], FittedModel], tmp_path: Path
) -> None:
    model = fitted("binary")
    store = ReleaseStore(tmp_path)
    with pytest.raises(TrainingRefused):
        make_release(store, model.predictor, model.held_out.assign(gender="X"), train_data=model.train_data)
    assert store.versions() == []
    assert not list(tmp_path.glob(".staging-*"))
