"""How the time of a plan grows with trees and with features: models of three sizes each, timed in this process.

`python -m tests.bench.models.growth CACHE` prints the times as JSON on its last line. What a former run trained is used
again.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.signing import TRUST_ANYONE
from app.runtime.loading import load_release
from app.runtime.predictions import Executor
from app.runtime.rows import RowValidator, TypedRow
from tests.bench.models.releases import compute_digest, find_release, has_plan, publish
from tests.bench.models.subjects import SubjectData
from tests.bench.results import Growth, GrowthPoint

LABEL = "bought"
FAMILIES = {"LightGBM": "GBM", "CatBoost": "CAT", "random forest": "RF"}
TREES, FEATURES = (100, 200, 400), (10, 20, 40)
DATA_ROWS = 3000
MANY_ROWS = 1000
REPETITIONS = 7
CALLS = 150


@dataclass(frozen=True)
class Shape:
    family: str
    trees: int
    features: int


@dataclass
class TimedPlan:
    """A loaded plan, rows for it, and the times it took, one per repetition."""

    executor: Executor
    rows: Sequence[TypedRow]
    trees: int
    one_row_ms: list[float] = field(default_factory=list)
    many_rows_ms: list[float] = field(default_factory=list)

    def time_once(self) -> None:
        """One row at a time, a different one each, then many at once."""
        times = []
        for row in self.rows[:CALLS]:
            started = time.perf_counter()
            self.executor.predict([row])
            times.append(time.perf_counter() - started)
        self.one_row_ms.append(median(times) * 1000)
        started = time.perf_counter()
        self.executor.predict(self.rows)
        self.many_rows_ms.append((time.perf_counter() - started) * 1000)


def measure_growth(cache: Path) -> Growth | None:
    """None when one of the models has no plan."""
    by_trees = [Shape(family, trees, FEATURES[1]) for family in FAMILIES for trees in TREES]
    by_features = [Shape(family, TREES[1], features) for family in FAMILIES for features in FEATURES]
    plans: dict[Shape, TimedPlan] = {}
    for shape in dict.fromkeys([*by_trees, *by_features]):  # Each once, in order.
        plan = _load(shape, cache)
        if plan is None:
            return None
        plans[shape] = plan
    for _ in range(REPETITIONS):
        for plan in plans.values():
            plan.time_once()
    return Growth(
        MANY_ROWS,
        [_describe(shape, plans[shape]) for shape in by_trees],
        [_describe(shape, plans[shape]) for shape in by_features],
    )


def make_frame(features: int, *, seed: int = 0) -> pd.DataFrame:
    """Rows whose every feature tells a little of the label; every fourth feature is a category."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    score = rng.normal(0, 1, DATA_ROWS)
    for position in range(features):
        numbers = rng.normal(0, 1, DATA_ROWS)
        score += numbers / np.sqrt(features)
        is_category = position % 4 == 3
        columns[f"f{position}"] = pd.cut(numbers, 8, labels=list("abcdefgh")).astype(str) if is_category else numbers
    return pd.DataFrame({**columns, LABEL: np.where(score > 0, "yes", "no")})


def count_trees(predictor: TabularPredictor) -> int:
    """Trees of the best model; training may end before it has made as many as it was told."""
    model = predictor._trainer.load_model(predictor.model_best).model
    if hasattr(model, "num_trees"):
        return int(model.num_trees())
    return int(getattr(model, "tree_count_", None) or len(model.estimators_))


def _load(shape: Shape, cache: Path) -> TimedPlan | None:
    name = f"{FAMILIES[shape.family]}-{shape.trees}-{shape.features}"
    predictor_path = cache / "growth" / "predictors" / name
    data = make_frame(shape.features)
    held_out = data.tail(MANY_ROWS).reset_index(drop=True)
    if not (predictor_path / "predictor.pkl").exists():
        _say(f"growth: training {shape.family}, {shape.trees} trees, {shape.features} features")
        _train(shape, data.head(DATA_ROWS - MANY_ROWS), predictor_path)
    store = cache / "growth" / compute_digest(predictor_path) / name
    if not store.exists():
        store.parent.mkdir(parents=True, exist_ok=True)
        publish(predictor_path, SubjectData(data.head(DATA_ROWS - MANY_ROWS), held_out), store, name=name)
    if not has_plan(store):
        return None
    release = load_release(find_release(store), trust=TRUST_ANYONE)
    rows = RowValidator(release.schema).check(held_out.drop(columns=LABEL).to_dict("records")).rows
    return TimedPlan(release.executor, rows, count_trees(TabularPredictor.load(str(predictor_path), verbosity=0)))


def _train(shape: Shape, data: pd.DataFrame, directory: Path) -> None:
    size = {"GBM": "num_boost_round", "CAT": "iterations", "RF": "n_estimators"}[FAMILIES[shape.family]]
    options: dict[str, Any] = {size: shape.trees}
    if FAMILIES[shape.family] != "RF":
        options["learning_rate"] = 0.01  # Slow, so that no training ends before it has all its trees.
    TabularPredictor(label=LABEL, eval_metric="log_loss", path=str(directory), verbosity=0).fit(
        data, hyperparameters={FAMILIES[shape.family]: options}, fit_weighted_ensemble=False, calibrate=False
    )


def _describe(shape: Shape, plan: TimedPlan) -> GrowthPoint:
    return GrowthPoint(shape.family, plan.trees, shape.features, min(plan.one_row_ms), min(plan.many_rows_ms))


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    growth = measure_growth(Path(sys.argv[1]))
    sys.stdout.write(orjson.dumps(growth and asdict(growth)).decode() + "\n")


if __name__ == "__main__":
    main()
