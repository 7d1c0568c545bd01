"""Small real things for tests: a frame with every kind of column, predictors fitted on it, releases made of them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import Manifest, MetricValue
from app.release.store import ReleaseStore
from app.training.publication.publisher import Candidate, Publisher

LABELS = {"binary": "bought", "multiclass": "tier", "regression": "spent", "quantile": "spent"}
TINY_TREES: dict[str, Any] = {
    "GBM": {"num_boost_round": 12},
    "CAT": {"iterations": 12},
    "XGB": {"n_estimators": 12},
    "RF": {"n_estimators": 12},
    "XT": {"n_estimators": 12},
}
FAMILIES = {
    "binary": ("GBM", "CAT", "XGB", "RF", "LR"),
    "multiclass": ("GBM", "CAT", "XGB"),
    "regression": ("GBM", "CAT", "XGB", "LR"),
    "quantile": ("GBM", "CAT"),
}
PLAN_FAMILIES = {
    "binary": ("GBM", "CAT", "XGB", "RF", "XT", "LR"),
    "multiclass": ("GBM", "CAT", "XGB", "RF", "XT", "LR"),
    "regression": ("GBM", "CAT", "XGB", "RF", "XT", "LR"),
    "quantile": ("GBM", "CAT"),
}
_WORDS = [
    "late",
    "early",
    "parcel",
    "broken",
    "arrived",
    "happy",
    "invoice",
    "refund",
    "clerk",
    "street",
    "morning",
    "again",
    "never",
    "blue",
]


def make_mixed_frame(rows: int = 700, *, seed: int = 0) -> pd.DataFrame:
    """A frame with every kind of column that AutoGluon tells apart, and labels for all four problem types."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), unit="D")
    seconds = days + pd.to_timedelta(rng.integers(0, 86400, rows), unit="s")
    frame = pd.DataFrame(
        {
            "amount": rng.normal(50, 20, rows).round(2),
            "ratio32": rng.random(rows).astype(np.float32),
            "visits": rng.integers(0, 40, rows),
            "small": rng.integers(0, 200, rows).astype(np.uint8),
            "member": rng.random(rows) < 0.4,
            "newsletter": rng.choice(np.array([True, False, None], dtype=object), rows),
            "gender": rng.choice(["F", "M"], rows),
            "coupon": rng.choice(np.array(["SPRING", None], dtype=object), rows),
            "level": rng.choice([1, 2], rows),
            "half": rng.choice([0.5, 1.5], rows),
            "city": rng.choice(np.array([" Oslo", "Rome", "Bonn ", "Kyiv", None], dtype=object), rows),
            "shop": pd.Categorical(rng.choice([10, 20, 30], rows)),
            "signup": np.where(rng.random(rows) < 0.1, None, days.strftime("%Y-%m-%d")),
            "renewal": days.strftime("%d %b %Y"),
            "seen": seconds,
            "seen_berlin": (seconds + pd.Timedelta(minutes=7)).tz_localize("UTC").tz_convert("Europe/Berlin"),
            "note": [" ".join(rng.choice(_WORDS, rng.integers(3, 9))) for _ in range(rows)],
            "dotted.name": rng.normal(0, 1, rows),
            "load": rng.integers(0, 5, rows),
            "constant": "same",
        }
    )
    frame.loc[rng.random(rows) < 0.1, "amount"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "note"] = None
    return _add_labels(frame, rng)


def _add_labels(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    score = (
        frame["amount"].fillna(40) / 20
        + frame["visits"] / 10
        + frame["member"] * 1.5
        + (frame["city"] == "Rome") * 2
        + frame["shop"].astype(int) / 10
        + rng.normal(0, 0.7, len(frame))
    )
    return frame.assign(
        bought=np.where(score > score.median(), "yes", "no"),
        tier=pd.qcut(score, 3, labels=False).map({0: 1, 1: 2, 2: 3}),
        spent=(score * 10).round(2),
    )


def fit_predictor(
    frame: pd.DataFrame, *, problem_type: str, path: Path, families: tuple[str, ...] = (), bag_folds: int = 2
) -> TabularPredictor:
    """A bagged ensemble of tiny models; which families can be said."""
    label = LABELS[problem_type]
    others = [name for name in set(LABELS.values()) if name != label and name in frame]
    hyperparameters = {family: TINY_TREES.get(family, {}) for family in families or FAMILIES[problem_type]}
    predictor = TabularPredictor(
        label=label,
        problem_type=problem_type,
        quantile_levels=[0.1, 0.5, 0.9] if problem_type == "quantile" else None,
        path=str(path),
        verbosity=0,
    )
    logging.getLogger("autogluon").setLevel(logging.CRITICAL)
    return predictor.fit(
        frame.drop(columns=others),
        hyperparameters=hyperparameters,
        num_bag_folds=bag_folds,
        num_bag_sets=1,
        ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
        dynamic_stacking=False,
        num_stack_levels=0,
        calibrate=False,
    )


def make_release(
    store: ReleaseStore,
    predictor: TabularPredictor,
    held_out: pd.DataFrame,
    *,
    train_data: pd.DataFrame | None = None,
    name: str = "shop",
    activate: bool = True,
) -> Manifest:
    """Publish a predictor as the next version of a store."""
    metric = predictor.eval_metric.name
    return Publisher(store).publish(
        Candidate(predictor=predictor, train_data=train_data, held_out=held_out, name=name),
        quality={metric: MetricValue(value=0.8, low=0.7, high=0.9, higher_is_better=True)},
        checks={"latency_ms": 5.0},
        activate=activate,
        on_step=lambda _: None,
    )
