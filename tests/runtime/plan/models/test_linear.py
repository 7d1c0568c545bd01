"""Linear models of a plan answer what AutoGluon's answer, whatever the columns, the values and the number of rows."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from autogluon.tabular.models import LinearModel as AutoGluonLinearModel
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import norm

from app.release.plan.columns import EncodedColumn
from app.release.plan.models.linear import export_linear
from app.runtime.plan.models import linear
from app.runtime.plan.models.linear import LinearModel, find_normal_quantile, find_normal_quantiles
from tests.builders import fit_predictor, make_mixed_frame

PROBLEM_TYPES = ("binary", "multiclass", "regression")
EXTREMES = (3.4e38, -3.4e38, 1e9, -1e5, 5e-324, -5e-324, 0.0, -0.0, 1.0)


def make_frame(rows: int = 400, *, seed: int = 0) -> pd.DataFrame:
    """Columns as AutoGluon's feature steps leave them: categories by code, numbers of every kind, some skewed."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(50, 20, rows),
            "date": rng.integers(1_700_000_000, 1_710_000_000, rows) * 1_000_000_000,
            "member": rng.integers(0, 2, rows).astype(np.int8),
            "income": rng.lognormal(3, 1.2, rows).round(2),
            "debt": (rng.exponential(1, rows) ** 3).round(0),
            "turnover": rng.lognormal(30, 2, rows),
            "constant": 1.0,
            "city": pd.Categorical(rng.integers(0, 5, rows), categories=range(5)),
            "shop": pd.Categorical(rng.integers(0, 40, rows), categories=range(41)),
            # As large and close as scikit-learn still tells from a constant; then many equal ones at the upper end.
            "account": 1_000_000_000_000_000 + rng.integers(0, 1000, rows),
            "capped": 1000 - np.maximum(rng.exponential(1, rows) ** 3 - 1, 0),
        }
    )
    for name in ("amount", "income", "city"):
        frame.loc[rng.random(rows) < 0.1, name] = np.nan
    return frame


def make_labels(frame: pd.DataFrame, problem_type: str) -> pd.Series:
    rng = np.random.default_rng(7)
    score = frame["amount"].fillna(50) / 20 + np.log(frame["income"].fillna(20)) + rng.normal(0, 1, len(frame))
    if problem_type == "regression":
        return 100 * score
    return pd.Series(pd.qcut(score, 2 if problem_type == "binary" else 4, labels=False))


def fit_linear(
    frame: pd.DataFrame, problem_type: str, *, path: Path, labels: pd.Series | None = None, **hyperparameters: Any
) -> Any:
    """AutoGluon's own model, without the predictor around it."""
    labels = make_labels(frame, problem_type) if labels is None else labels
    model = AutoGluonLinearModel(
        path=str(path), name="LR", problem_type=problem_type, hyperparameters=hyperparameters or None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X=frame, y=labels, **({"num_classes": 4} if problem_type == "multiclass" else {}))
    return model


def encode(frame: pd.DataFrame) -> tuple[list[EncodedColumn], npt.NDArray[np.float64]]:
    """The columns and the matrix that a plan's feature steps make of the same rows."""
    columns = []
    matrix = np.empty(frame.shape)
    for place, name in enumerate(frame.columns):
        values = frame[name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            columns.append(EncodedColumn(name, len(values.cat.categories)))
            codes = values.cat.codes.to_numpy(dtype=np.float64)
            matrix[:, place] = np.where(codes < 0, np.nan, codes)
        else:
            columns.append(EncodedColumn(name))
            matrix[:, place] = values.to_numpy(dtype=np.float64)
    return columns, matrix


def compile_linear(model: Any, frame: pd.DataFrame) -> LinearModel:
    with tempfile.TemporaryDirectory() as directory:
        document = export_linear(model, encode(frame)[0], Path(directory), "fold")
        return LinearModel(json.loads(json.dumps(document)), Path(directory))


def mutate(frame: pd.DataFrame, *, seed: int = 1) -> pd.DataFrame:
    """Nulls and unseen categories anywhere they fit, extremes in every column of floats."""
    rng = np.random.default_rng(seed)
    mutated = frame.copy()
    for name in mutated.columns:
        if isinstance(mutated[name].dtype, pd.CategoricalDtype):
            mutated.loc[rng.random(len(mutated)) < 0.2, name] = np.nan
        elif mutated[name].dtype.kind == "f":
            mutated.loc[rng.random(len(mutated)) < 0.1, name] = np.nan
            hit = rng.random(len(mutated)) < 0.1
            mutated.loc[hit, name] = rng.choice(EXTREMES, hit.sum()).astype(mutated[name].dtype)
    return mutated


def predict_with_autogluon(model: Any, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
    # Extremes leave the range of 32 bits: in a regression's answers, and in columns of 32 bits.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(model._predict_proba(frame), dtype=np.float32)


def predict_compiled(compiled: LinearModel, frame: pd.DataFrame) -> npt.NDArray[np.float32]:
    answers = compiled.predict(encode(frame)[1])
    with np.errstate(over="ignore"):
        return answers.astype(np.float32)


def check_answers(compiled: LinearModel, model: Any, frame: pd.DataFrame) -> None:
    """Equal to one unit in the last place of a float32, and to the order of the sum: scikit-learn's is not fixed."""
    expected, answers = predict_with_autogluon(model, frame), predict_compiled(compiled, frame)
    assert answers.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(answers[~finite], expected[~finite])
    difference = np.abs(answers[finite].astype(np.float64) - expected[finite])
    assert (difference <= np.spacing(np.abs(expected[finite])) + find_leeway(model, frame)[finite]).all()


def find_leeway(model: Any, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """How far the order of adding can move an answer where large terms cancel out; chances do not move visibly."""
    if model.problem_type != "regression":
        return np.zeros(predict_with_autogluon(model, frame).shape)
    terms = model._pipeline.transform(frame)
    largest: npt.NDArray[np.float64] = abs(terms) @ np.abs(model.model.coef_)
    return largest * 1e-14


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return make_frame()


@pytest.fixture(scope="module", params=PROBLEM_TYPES)
def fitted(request: pytest.FixtureRequest, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fit_linear(frame, request.param, path=tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def compiled(fitted: Any, frame: pd.DataFrame) -> LinearModel:
    return compile_linear(fitted, frame)


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_the_folds_of_a_predictor_answer_as_in_autogluon(problem_type: str, tmp_path: Path) -> None:
    rows = make_mixed_frame().drop(columns="note").assign(income=make_frame(700)["income"])
    predictor = fit_predictor(rows, problem_type=problem_type, path=tmp_path, families=("LR",))
    predictor.persist(models="all", max_memory=None)
    features = mutate(predictor._learner.transform_features(rows))
    folds = predictor._trainer.load_model("LinearModel_BAG_L1").models
    assert len(folds) == 2
    for fold in folds:
        check_answers(compile_linear(fold, features), fold, features)


def test_nulls_unseen_categories_and_extremes_answer_as_in_autogluon(
    compiled: LinearModel, fitted: Any, frame: pd.DataFrame
) -> None:
    check_answers(compiled, fitted, mutate(frame))


def test_values_at_and_next_to_each_quantile_answer_as_in_autogluon(
    compiled: LinearModel, fitted: Any, frame: pd.DataFrame
) -> None:
    part, names = {title: (part, names) for title, part, names in fitted._pipeline.transformers_}["skew"]
    assert names == ["income", "debt", "turnover", "capped"]
    at = part.steps[-1][1].quantiles_
    values = np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf), at + 1e-7, at - 1e-7])
    rows = pd.concat([frame] * (len(values) // len(frame) + 1), ignore_index=True)[: len(values)]
    rows[names] = values
    check_answers(compiled, fitted, rows)


@settings(max_examples=25)
@given(data=st.data())
def test_any_row_answers_as_in_autogluon_and_the_same_among_others(
    compiled: LinearModel, fitted: Any, frame: pd.DataFrame, data: st.DataObject
) -> None:
    floats = st.none() | st.sampled_from(EXTREMES) | st.floats(-3.4e38, 3.4e38) | st.floats(0, 1000)
    drawn = {
        **dict.fromkeys(("amount", "income", "debt", "turnover", "constant", "capped"), floats),
        **dict.fromkeys(("date", "account"), st.integers(-(2**63) + 1, 2**63 - 1)),
        "member": st.integers(0, 1),
        "city": st.none() | st.integers(0, 4),
        "shop": st.none() | st.integers(0, 40),
    }
    rows = data.draw(st.lists(st.fixed_dictionaries(drawn), min_size=1, max_size=12))
    mixed = pd.DataFrame(rows)[list(frame.columns)].astype(frame.dtypes.to_dict())
    check_answers(compiled, fitted, mixed)
    matrix = encode(mixed)[1]
    alone = [compiled.predict(matrix[place : place + 1]) for place in range(len(matrix))]
    np.testing.assert_array_equal(np.concatenate(alone), compiled.predict(matrix))


@pytest.mark.parametrize("rows", [1, 2, 97, 5000])
def test_a_row_has_the_same_bits_in_a_batch_of_any_size(compiled: LinearModel, frame: pd.DataFrame, rows: int) -> None:
    matrix = np.tile(encode(mutate(frame))[1], (160, 1))
    together = compiled.predict(matrix)
    first = len(matrix) - (1000 if rows < 97 else 12000)
    apart = [compiled.predict(matrix[start : start + rows]) for start in range(first, len(matrix), rows)]
    np.testing.assert_array_equal(np.concatenate(apart), together[first:])


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"proc.impute_strategy": "mean"},
        {"proc.impute_strategy": "most_frequent"},
        {"proc.impute_strategy": "constant"},
        {"proc.skew_threshold": None},
        {"C": 0.01, "fit_intercept": False},
    ],
    ids=",".join,
)
@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_each_hyperparameter_answers_as_in_autogluon(
    hyperparameters: dict[str, Any], problem_type: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    model = fit_linear(frame, problem_type, path=tmp_path, **hyperparameters)
    check_answers(compile_linear(model, frame), model, mutate(frame))


def test_a_lasso_answers_as_in_autogluon(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = fit_linear(frame, "regression", path=tmp_path, penalty="L1")
    assert type(model.model).__name__ == "Lasso"
    check_answers(compile_linear(model, frame), model, mutate(frame))


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
@pytest.mark.parametrize("names", [["city", "shop"], ["amount"], ["income"], ["member", "shop"]], ids="-".join)
def test_one_kind_of_columns_alone_answers_as_in_autogluon(
    names: list[str], problem_type: str, frame: pd.DataFrame, tmp_path: Path
) -> None:
    model = fit_linear(frame[names], problem_type, path=tmp_path, labels=make_labels(frame, problem_type))
    check_answers(compile_linear(model, frame[names]), model, mutate(frame[names]))


@pytest.mark.parametrize("nulls_in_training", [True, False])
def test_a_category_that_its_fold_has_not_seen_counts_as_missing(
    nulls_in_training: bool, frame: pd.DataFrame, tmp_path: Path
) -> None:
    seen = frame[["city", "shop"]].copy()
    seen["city"] = seen["city"].where(seen["city"] != 3)
    if not nulls_in_training:
        seen["city"] = seen["city"].fillna(0)
    model = fit_linear(seen, "binary", path=tmp_path, labels=make_labels(frame, "binary"))
    compiled = compile_linear(model, seen)
    check_answers(compiled, model, mutate(frame[["city", "shop"]]))
    unseen, missing = compiled.predict(np.array([[3.0, 1.0], [np.nan, 1.0]]))
    assert unseen == missing


@pytest.mark.parametrize("problem_type", PROBLEM_TYPES)
def test_columns_of_32_bits_are_prepared_in_32_bits(problem_type: str, frame: pd.DataFrame, tmp_path: Path) -> None:
    # A mean that 32 bits round visibly, and an upper end to which 32 bits cannot add scikit-learn's margin.
    narrow = frame[["amount", "income", "debt", "capped"]].assign(reading=1e6 + frame["amount"] / 60).astype(np.float32)
    labels = make_labels(frame, problem_type)
    model = fit_linear(narrow, problem_type, path=tmp_path, labels=labels)
    # No extremes where 32 bits do not hold them after scaling: there scikit-learn gives up.
    mutated = mutate(narrow).assign(reading=narrow["reading"])
    compiled = compile_linear(model, narrow)
    # scikit-learn adds 32-bit numbers up in 32 bits, in an order that nobody knows.
    expected = predict_with_autogluon(model, mutated)
    np.testing.assert_allclose(predict_compiled(compiled, mutated), expected, rtol=1e-5, atol=1e-6 * labels.std())
    matrix = encode(mutated)[1]
    alone = [compiled.predict(matrix[place : place + 1]) for place in range(len(matrix))]
    np.testing.assert_array_equal(np.concatenate(alone), compiled.predict(matrix))


def test_a_class_without_a_chance_gives_no_warning(compiled: LinearModel, fitted: Any, frame: pd.DataFrame) -> None:
    rows = mutate(frame)
    rows["amount"] = np.where(np.arange(len(rows)) % 2, 3.4e38, -3.4e38)
    check_answers(compiled, fitted, rows)


def test_normal_quantiles_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    near_ends = 10 ** rng.uniform(-7, -1, 20_000)
    places = np.concatenate([rng.random(50_000), near_ends, 1 - near_ends, [0.5, linear._TAIL, 1 - linear._TAIL]])
    np.testing.assert_allclose(find_normal_quantiles(places), ndtri(places), rtol=2e-15)


def test_one_normal_quantile_has_the_bits_of_many() -> None:
    # Python's logarithm and NumPy's differ for one in some thousand numbers, most often where the tails begin.
    where_tails_begin = np.random.default_rng(0).uniform(0.05, linear._TAIL, 200_000)
    places = np.concatenate([np.linspace(1e-7, 1 - 1e-7, 20_001), 10 ** np.linspace(-7, -1, 5000), where_tails_begin])
    assert [find_normal_quantile(place) for place in places.tolist()] == find_normal_quantiles(places).tolist()


def test_normal_quantiles_are_cut_off_where_scikit_learn_cuts_them() -> None:
    lowest, highest = norm.ppf(1e-7 - np.spacing(1)), norm.ppf(1 - (1e-7 - np.spacing(1)))
    np.testing.assert_allclose([linear._LOWEST_QUANTILE, linear._HIGHEST_QUANTILE], [lowest, highest], rtol=1e-15)
