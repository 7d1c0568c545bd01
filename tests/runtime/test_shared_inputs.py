"""Models that share what they prepare answer to the bit as models do that each prepare for themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from autogluon.tabular import TabularPredictor
from autogluon.tabular.models import CatBoostModel, RFModel

from app.errors import PredictionFailed
from app.release.schema import FeatureSchema
from app.runtime.frames import build_frame
from app.runtime.native import NativeExecutor, hold_in_memory, predict_frame
from app.runtime.rows import RowValidator, TypedRow
from app.runtime.shared_inputs import SharedInputs
from app.training.profile import profile_features
from app.training.publication.proof import frame_to_rows
from tests.fixtures import FittedModel

Fit = Callable[[str], FittedModel]
ROWS = 40


def load_twin(model: FittedModel) -> TabularPredictor:
    """The same predictor once more with all its models in memory: what is done to it stays with it."""
    predictor = TabularPredictor.load(model.predictor.path, verbosity=0)
    predictor.persist(models="all", max_memory=None)
    hold_in_memory(predictor)
    return predictor


def list_bags(predictor: TabularPredictor) -> list[Any]:
    return [predictor._trainer.load_model(name) for name in predictor.model_names(level=1)]


def list_folds(predictor: TabularPredictor) -> list[Any]:
    return [fold for bag in list_bags(predictor) for fold in bag.models]


def find_fold(predictor: TabularPredictor, kind: type) -> Any:
    return next(fold for fold in list_folds(predictor) if type(fold) is kind)


def make_difficult_frame(model: FittedModel) -> pd.DataFrame:
    """Held-out rows as models get them, some with nulls and categories that training has not seen."""
    frame = model.held_out.head(ROWS).copy()
    frame.iloc[:5, frame.columns.get_loc("city")] = "Atlantis"
    frame.iloc[3:8, frame.columns.get_loc("shop")] = None
    frame.iloc[6:12, frame.columns.get_loc("amount")] = None
    return model.predictor.transform_features(frame)


def check_rows(model: FittedModel) -> tuple[FeatureSchema, list[TypedRow]]:
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    return schema, RowValidator(schema).check(frame_to_rows(model.held_out.head(ROWS), schema)).rows


@pytest.mark.parametrize("problem_type", ["binary", "multiclass", "regression", "quantile"])
def test_no_bit_of_any_answer_changes(plannable: Fit, problem_type: str) -> None:
    model = plannable(problem_type)
    frame = make_difficult_frame(model)
    alone, sharing = load_twin(model), load_twin(model)
    inputs = SharedInputs(list_folds(sharing))
    bags = list(zip(list_bags(sharing), list_bags(alone), strict=True))
    for part in (frame, frame[:1], frame[4:7], frame[7:8], frame[8:]):
        for bag, as_before in bags:
            assert bag.predict_proba(part).tolist() == as_before.predict_proba(part).tolist(), bag.name
        inputs.forget()


def test_models_that_prepare_rows_alike_do_it_once(plannable: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    model = plannable("binary")
    frame = make_difficult_frame(model)
    predictor = load_twin(model)
    calls: Counter[str] = Counter()
    for kind in (CatBoostModel, RFModel):
        monkeypatch.setattr(kind, "_preprocess", count_calls(kind._preprocess, calls))
    inputs = SharedInputs(list_folds(predictor))
    for _ in range(2):
        calls.clear()
        for bag in list_bags(predictor):
            bag.predict_proba(frame)
        inputs.forget()
    kinds = Counter(type(fold).__name__ for fold in list_folds(predictor))
    assert kinds["CatBoostModel"] == 2
    # The codes of CatBoost's categories were asked for the first time.
    assert calls == {"RFModel": 1, "XTModel": 1}


def count_calls(prepare: Callable[..., Any], calls: Counter[str]) -> Callable[..., Any]:
    def counted(model: Any, X: pd.DataFrame, **options: Any) -> Any:  # noqa: N803 - the name that AutoGluon calls it by
        calls[type(model).__name__] += 1
        return prepare(model, X, **options)

    return counted


def test_a_fold_that_knows_other_categories_prepares_its_own_rows(plannable: Fit) -> None:
    model = plannable("binary")
    frame = make_difficult_frame(model)
    predictor = load_twin(model)
    first, second = (fold for fold in list_folds(predictor) if type(fold) is CatBoostModel)
    second._category_mapping = {name: dict.fromkeys(codes, 0) for name, codes in second._category_mapping.items()}
    expected = [fold.predict_proba(frame).tolist() for fold in (first, second)]
    SharedInputs([first, second])
    assert [fold.predict_proba(frame).tolist() for fold in (first, second)] == expected


def test_categories_of_another_frame_are_asked_for_anew(plannable: Fit) -> None:
    model = plannable("binary")
    frame = make_difficult_frame(model)
    fold = find_fold(load_twin(model), CatBoostModel)
    name = fold._category_features[0]
    turned = frame.assign(**{name: frame[name].cat.reorder_categories(frame[name].cat.categories[::-1])})
    expected = [fold.predict_proba(rows).tolist() for rows in (frame, turned, frame)]
    SharedInputs([fold])
    assert [fold.predict_proba(rows).tolist() for rows in (frame, turned, frame)] == expected


def test_no_rows_are_kept_when_a_pass_is_over_or_fails(plannable: Fit) -> None:
    model = plannable("binary")
    schema, rows = check_rows(model)
    predictor = load_twin(model)
    expected = predict_frame(predictor, build_frame(rows, schema))
    inputs = SharedInputs(list_folds(predictor))
    executor = NativeExecutor(predictor, schema, inputs)
    assert executor.predict(rows) == expected
    assert inputs._prepared == {}
    for fold in list_folds(predictor):
        fold.model = None
    with pytest.raises(PredictionFailed):
        executor.predict(rows)
    assert inputs._prepared == {}
