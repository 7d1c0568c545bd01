"""A release executed by AutoGluon itself: the only file outside training that imports it."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from app.errors import PredictionFailed, ReleaseUnusable
from app.release.schema import FeatureSchema
from app.runtime.frames import build_frame
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from app.runtime.shared_inputs import SharedInputs

logger = logging.getLogger(__name__)

_NOTHING_SHARED = SharedInputs(())


class NativeExecutor:
    """A predictor held in memory whole.

    One prediction at a time per process: AutoGluon's predict changes process-wide state (warning filters, XGBoost
    parameters), and one core is busy with one prediction anyway.
    """

    def __init__(
        self, predictor: TabularPredictor, schema: FeatureSchema, inputs: SharedInputs = _NOTHING_SHARED
    ) -> None:
        self._predictor = predictor
        self._schema = schema
        self._inputs = inputs
        self._lock = threading.Lock()

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        """Predict rows in one pass.

        Raises:
            PredictionFailed: when AutoGluon raises, returns another number of rows or a value that is not finite.
        """
        frame = build_frame(rows, self._schema)
        with self._lock:
            try:
                predictions = predict_frame(self._predictor, frame)
            except Exception as fault:
                raise PredictionFailed("The model could not predict these rows.") from fault
            finally:
                self._inputs.forget()
        if len(predictions.labels) != len(rows):
            raise PredictionFailed("The model returned another number of rows than it was given.")
        return predictions


def load_native_executor(directory: Path, schema: FeatureSchema) -> NativeExecutor:
    """Load a predictor into memory whole, with one thread per library.

    Raises:
        ReleaseUnusable: when a part of it would be read from disk at every prediction.
        Exception: whatever unpickling raises.
    """
    predictor = TabularPredictor.load(str(directory), verbosity=0, check_packages=False)
    hold_in_memory(predictor)
    return NativeExecutor(predictor, schema, SharedInputs(_each_fitted_model(predictor)))


def hold_in_memory(predictor: TabularPredictor) -> None:
    """Persist every model that a prediction needs and pin each to one thread.

    Raises:
        ReleaseUnusable: when AutoGluon left a model on disk.
    """
    # With a limit on memory persist() may do nothing at all, without an error.
    predictor.persist(models="best", max_memory=None)
    needed = set(predictor._trainer.get_minimum_model_set(predictor.model_best))
    missing = needed - set(predictor.model_names(persisted=True))
    if missing:
        raise ReleaseUnusable(f"These models could not be held in memory: {', '.join(sorted(missing))}.")
    for model in _each_fitted_model(predictor):
        _pin_to_one_thread(model)


def predict_frame(predictor: TabularPredictor, frame: pd.DataFrame) -> Predictions:
    """One pass over the models; labels are derived from the probabilities by the model's own decision threshold.

    Raises:
        PredictionFailed: when an answer is not a finite number.
    """
    if predictor.can_predict_proba:
        probabilities = predictor.predict_proba(frame, as_pandas=False, as_multiclass=False)
        _refuse_non_finite(probabilities)
        return _describe_classes(predictor, probabilities)
    answers = predictor.predict(frame)
    _refuse_non_finite(answers.to_numpy())
    if isinstance(answers, pd.DataFrame):
        levels = [str(level) for level in answers.columns]
        return Predictions([dict(zip(levels, row, strict=True)) for row in answers.to_numpy().tolist()], None)
    return Predictions(answers.to_numpy().tolist(), None)


def _describe_classes(predictor: TabularPredictor, probabilities: np.ndarray[Any, Any]) -> Predictions:
    """Labels as `predict` chooses them, and all probabilities.

    Two classes come as the probability of the second one, in the precision of the models: compared in 64 bits, as
    `predict_from_proba` does, the 0.43 of a forest of 100 trees would be above a threshold of 0.43.
    """
    if probabilities.ndim == 1:
        chosen = (probabilities > predictor.decision_threshold).astype(int)
        probabilities = np.stack([1 - probabilities, probabilities], axis=1)
    else:
        chosen = probabilities.argmax(axis=1)
    names = [str(label) for label in predictor.class_labels]
    labels: list[Any] = np.asarray(predictor.class_labels)[chosen].tolist()
    return Predictions(labels, [dict(zip(names, row, strict=True)) for row in probabilities.tolist()])


def _refuse_non_finite(values: np.ndarray[Any, Any]) -> None:
    if not np.isfinite(values).all():
        raise PredictionFailed("The model answered with a value that is not a finite number.")


def _each_fitted_model(predictor: TabularPredictor) -> Iterator[Any]:
    """Yield every model held in memory, the folds of bags included.

    Raises:
        ReleaseUnusable: when a fold was left on disk.
    """
    for name in predictor.model_names(persisted=True):
        model = predictor._trainer.load_model(name)
        folds = getattr(model, "models", None) or [model]
        if any(isinstance(fold, str) for fold in folds):
            raise ReleaseUnusable(f"The folds of {name} could not be held in memory.")
        yield from folds


def _pin_to_one_thread(model: Any) -> None:
    """Stop one library call from taking all cores: each worker process has its share already.

    AutoGluon has no setting for threads at prediction; these are the attributes that its model classes read.
    """
    estimator: Any = getattr(model, "model", None)
    library = type(estimator).__module__.partition(".")[0]
    if library == "xgboost":
        estimator.set_params(n_jobs=1)
        # AutoGluon sets parameters again at every prediction, which XGBoost does not survive from two threads.
        estimator.set_params = lambda **_: estimator
    elif library == "catboost":
        for method in ("predict", "predict_proba"):
            if hasattr(estimator, method):
                setattr(estimator, method, functools.partial(getattr(estimator, method), thread_count=1))
    elif hasattr(estimator, "n_jobs"):
        estimator.n_jobs = 1
        _call_trees_directly(estimator)


def _call_trees_directly(forest: Any) -> None:
    """Let a forest of scikit-learn ask its trees in a plain loop.

    It asks them through joblib and sets all warning filters anew for each tree: 300 trees take 30 ms a call, of which
    the trees need 2. The same numbers are added in the same order here, so the sums are equal to the bit.
    """
    if type(forest) in (RandomForestClassifier, ExtraTreesClassifier) and forest.n_outputs_ == 1:
        forest.predict_proba = functools.partial(_average_trees, forest)
    elif type(forest) in (RandomForestRegressor, ExtraTreesRegressor) and forest.n_outputs_ == 1:
        forest.predict = lambda matrix: _average_trees(forest, matrix)[:, 0]


def _average_trees(forest: Any, matrix: Any) -> np.ndarray[Any, Any]:
    rows = forest._validate_X_predict(matrix)
    trees = [estimator.tree_ for estimator in forest.estimators_]
    total = np.zeros((rows.shape[0], trees[0].max_n_classes))
    for tree in trees:
        total += tree.predict(rows)
    total /= len(trees)
    return total
