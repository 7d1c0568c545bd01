"""The export of linear models: what it writes, and what it refuses because a plan would answer something else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.tabular.models import LinearModel
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import ElasticNet, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler

from app.release.plan.columns import EncodedColumn, PlanRefused
from app.release.plan.models.linear import export_linear

COLUMNS = [
    EncodedColumn("unused"),
    EncodedColumn("debt"),
    EncodedColumn("city", levels=3),
    EncodedColumn("member"),
    EncodedColumn("amount"),
]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "city": pd.Categorical(rng.integers(0, 2, 200), categories=range(3)),
            "amount": rng.normal(50, 20, 200),
            "debt": rng.exponential(1, 200) ** 3,
            "member": rng.integers(0, 2, 200).astype(np.int8),
        }
    )
    model = LinearModel(
        path=str(tmp_path_factory.mktemp("linear")),
        name="LR",
        problem_type="binary",
        hyperparameters={"proc.skew_threshold": 2.0},
    )
    return model.fit(X=frame, y=(frame["amount"] + 30 * frame["member"] > 60).astype(int))


def export(model: Any, directory: Path, columns: list[EncodedColumn] = COLUMNS) -> dict[str, Any]:
    return export_linear(model, columns, directory, "fold")


def test_the_document_says_how_each_column_is_prepared(fitted: Any, tmp_path: Path) -> None:
    assert export(fitted, tmp_path) == {
        "columns": [2, 4, 3, 1],
        "arrays": "fold.npz",
        "blocks": [
            {"kind": "one_hot", "columns": 1, "dtype": "float64"},
            {"kind": "scaled", "columns": 2, "dtype": "float64"},
            {"kind": "quantiles", "columns": 1, "dtype": "float64"},
        ],
        "link": "sigmoid",
    }


def test_a_level_that_training_has_not_seen_adds_nothing(fitted: Any, tmp_path: Path) -> None:
    export(fitted, tmp_path)
    with np.load(tmp_path / "fold.npz", allow_pickle=False) as arrays:
        table = arrays["0.table"]
    np.testing.assert_array_equal(table, [[fitted.model.coef_[0, 0]], [fitted.model.coef_[0, 1]], [0.0], [0.0]])


def _replace_step(model: Any, title: str, place: int, step: Any) -> None:
    pipeline = {name: part for name, part, _ in model._pipeline.transformers_}[title]
    pipeline.steps[place] = ("step", step)


def _find_step(model: Any, title: str, place: int) -> Any:
    return {name: part for name, part, _ in model._pipeline.transformers_}[title].steps[place][1]


def _use_another_subclass(model: Any) -> None:
    model.__class__ = type("TunedLinearModel", (LinearModel,), {})


def _use_another_classifier(model: Any) -> None:
    model.model = SGDClassifier()


def _regress_by_another_estimator(model: Any) -> None:
    model.problem_type, model.model = "regression", ElasticNet()


def _predict_quantiles(model: Any) -> None:
    model.problem_type = "quantile"


def _compile_by_another_library(model: Any) -> None:
    model._compiler = object()


def _fit_two_classes_as_multiclass(model: Any) -> None:
    model.problem_type = "multiclass"


def _read_text(model: Any) -> None:
    text = Pipeline([("preparator", object()), ("vectorizer", TfidfVectorizer())])
    model._pipeline.transformers_[0] = ("vect", text, ["amount"])


def _scale_by_quartiles(model: Any) -> None:
    _replace_step(model, "cont", 1, RobustScaler())


def _pass_a_column_through(model: Any) -> None:
    model._pipeline.transformers_[0] = ("cats", "passthrough", ["city"])


def _keep_the_rest(model: Any) -> None:
    model._pipeline.remainder = "passthrough"


def _weigh_the_transformers(model: Any) -> None:
    model._pipeline.transformer_weights = {"cont": 2.0}


def _scale_without_centre(model: Any) -> None:
    _find_step(model, "cont", 1).with_mean = False


def _indicate_gaps(model: Any) -> None:
    _find_step(model, "skew", 0).add_indicator = True


def _fill_another_mark(model: Any) -> None:
    _find_step(model, "cont", 0).missing_values = -1


def _count_in_16_bits(model: Any) -> None:
    _find_step(model, "cont", 0)._fit_dtype = np.dtype(np.float16)


def _stay_uniform(model: Any) -> None:
    _find_step(model, "skew", 1).output_distribution = "uniform"


def _descend(model: Any) -> None:
    transformer = _find_step(model, "skew", 1)
    transformer.quantiles_ = transformer.quantiles_[::-1]


def _crowd_the_quantiles(model: Any) -> None:
    transformer = _find_step(model, "skew", 1)
    transformer.quantiles_ = np.arange(len(transformer.quantiles_))[:, np.newaxis] * 5e-324


def _raise_at_unknown(model: Any) -> None:
    _find_step(model, "cats", 0).encoder_._ohe.handle_unknown = "error"


def _encode_all_levels(model: Any) -> None:
    _find_step(model, "cats", 0).encoder_._cat_feat_gen = None


def _add_a_coefficient(model: Any) -> None:
    model.model.coef_ = np.hstack([model.model.coef_, [[1.0]]])


def _lose_a_coefficient(model: Any) -> None:
    model.model.coef_ = model.model.coef_[:, :-1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_use_another_subclass, "TunedLinearModel where plans know"),
        (_use_another_classifier, "for binary by sklearn.linear_model._stochastic_gradient.SGDClassifier"),
        (_regress_by_another_estimator, "for regression by sklearn.linear_model._coordinate_descent.ElasticNet"),
        (_predict_quantiles, "for quantile by"),
        (_compile_by_another_library, "is compiled"),
        (_fit_two_classes_as_multiclass, "in another way than by a softmax"),
        (_read_text, r"prepares its vect columns in a way that plans do not know \(object, TfidfVectorizer\)"),
        (_scale_by_quartiles, r"prepares its cont columns in a way .* \(SimpleImputer, RobustScaler\)"),
        (_pass_a_column_through, "builtins.str where plans know sklearn.pipeline.Pipeline"),
        (_keep_the_rest, "ColumnTransformer has remainder set to 'passthrough'"),
        (_weigh_the_transformers, "ColumnTransformer has transformer_weights set to"),
        (_scale_without_centre, "StandardScaler has with_mean set to False"),
        (_indicate_gaps, "SimpleImputer has add_indicator set to True"),
        (_fill_another_mark, "fills the gaps of something else than numbers"),
        (_count_in_16_bits, "counts in 16-bit numbers"),
        (_stay_uniform, "QuantileTransformer has output_distribution set to 'uniform'"),
        (_descend, "not finite, ascending numbers"),
        (_crowd_the_quantiles, "too close to each other"),
        (_raise_at_unknown, "OneHotEncoder has handle_unknown set to 'error'"),
        (_encode_all_levels, "NoneType where plans know"),
        (_add_a_coefficient, "another number of coefficients"),
        (_lose_a_coefficient, "fitted on different columns"),
    ],
    ids=lambda value: getattr(value, "__name__", "").lstrip("_"),
)
def test_what_a_plan_would_answer_otherwise_is_refused(
    change: Callable[[Any], None], reason: str, fitted: Any, tmp_path: Path
) -> None:
    model = copy.deepcopy(fitted)
    export(model, tmp_path)
    change(model)
    with pytest.raises(PlanRefused, match=reason):
        export(model, tmp_path)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (COLUMNS[:-1], "reads amount, which the features do not bring"),
        ([*COLUMNS[:-1], EncodedColumn("amount", levels=4)], "takes the category amount for a number"),
        ([EncodedColumn(column.name) for column in COLUMNS], "encodes city, which is no category"),
    ],
)
def test_columns_of_another_kind_are_refused(
    columns: list[EncodedColumn], reason: str, fitted: Any, tmp_path: Path
) -> None:
    with pytest.raises(PlanRefused, match=reason):
        export(fitted, tmp_path, columns)
