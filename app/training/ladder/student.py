"""Distillation: one small LightGBM model learns what the ensemble answers to training rows and to mixtures of them.

Sources: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015), for learning probabilities;
Bucila, Caruana and Niculescu-Mizil, Model Compression, KDD 2006, for rows that are made of others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from autogluon.tabular import TabularPredictor
from autogluon.tabular.models import LGBModel

from app.training.ladder.members import add_model

DESCRIPTION = "one LightGBM model of 200 trees that learnt the answers of the full ensemble"
PROBLEM_TYPES = ("binary", "multiclass", "regression")

_NAME = "Student"
_PARAMETERS = {"num_boost_round": 200, "learning_rate": 0.06, "num_leaves": 31}
_MOST_TRAINING_ROWS = 50_000
_MOST_MIXED_ROWS = 20_000
# Of the values of a mixed row, so many come from other rows.
_MIXED_SHARE = 0.15
# A class of which the ensemble is as sure as this that it is not the one teaches nothing and costs a row.
_LEAST_PROBABILITY = 1e-3

Numbers = npt.NDArray[Any]


def add_student(
    predictor: TabularPredictor, train: pd.DataFrame, *, teacher: str, seed: int, most_seconds: float | None
) -> str:
    """Teach a student what `teacher` answers, add it to the predictor and return its name.

    A row is learnt once for each class, weighted by the probability that the teacher gives the class.

    Args:
        most_seconds: Learning ends then, with fewer trees.
    """
    trainer = predictor._trainer
    known = train.drop(columns=predictor.label).head(_MOST_TRAINING_ROWS)
    rows = predictor.transform_features(known).reset_index(drop=True)
    rows = pd.concat([rows, _mix(rows, min(2 * len(rows), _MOST_MIXED_ROWS), seed)], ignore_index=True)
    labels, weights, rows = _spread(_ask_teacher(trainer, rows, teacher), rows, predictor.problem_type)
    student = LGBModel(
        path=trainer.path,
        name=_NAME,
        problem_type=predictor.problem_type,
        eval_metric=trainer.eval_metric if predictor.problem_type == "regression" else "log_loss",
        hyperparameters={**_PARAMETERS, "seed": seed},
    )
    student.fit(
        X=rows,
        y=labels,
        sample_weight=weights,
        num_classes=trainer.num_classes,
        feature_metadata=trainer.feature_metadata,
        num_gpus=0,
        time_limit=most_seconds,
    )
    return add_model(predictor, student)


def _mix(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Rows in which some values come from other rows, column by column."""
    random = np.random.default_rng(seed)
    base = random.integers(0, len(rows), count)
    columns = {}
    for name in rows.columns:
        foreign = random.random(count) < _MIXED_SHARE
        columns[name] = rows[name].take(np.where(foreign, random.integers(0, len(rows), count), base)).array
    return pd.DataFrame(columns)


def _ask_teacher(trainer: Any, rows: pd.DataFrame, teacher: str) -> Numbers:
    """Numbers for regression; for classes one column of probabilities each."""
    if trainer.problem_type == "regression":
        return np.asarray(trainer.predict(rows, model=teacher))
    answers = np.asarray(trainer.predict_proba(rows, model=teacher), dtype=float)
    return np.stack([1 - answers, answers], axis=1) if answers.ndim == 1 else answers


def _spread(
    answers: Numbers, rows: pd.DataFrame, problem_type: str
) -> tuple[pd.Series, pd.Series | None, pd.DataFrame]:
    """Labels, weights and rows to learn from."""
    if problem_type == "regression":
        return pd.Series(answers), None, rows
    places, classes = np.nonzero(answers > _LEAST_PROBABILITY)
    learnt = rows.take(places).reset_index(drop=True)
    return pd.Series(classes), pd.Series(answers[places, classes]), learnt
