"""Cards of small models without any predictor behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.release.manifest import FeatureImportance, Manifest
from app.release.schema import Feature, FeatureSchema
from app.training.card.card import prepare_card
from app.training.gate.metrics import Answers
from tests.charts.page_reader import PageReader
from tests.manifests import make_manifest

KEY = "0123456789abcdef"


def make_binary_answers(rows: int = 400, *, seed: int = 0) -> Answers:
    """Well calibrated answers: what is said with a probability comes true as often."""
    random = np.random.default_rng(seed)
    probabilities = random.random(rows)
    truth = (random.random(rows) < probabilities).astype(int)
    predicted = (probabilities >= 0.5).astype(int)
    return Answers(problem_type="binary", truth=truth, predicted=predicted, probabilities=probabilities)


def make_multiclass_answers(classes: int, rows: int = 600, *, seed: int = 0) -> Answers:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(classes, 0.3), rows)
    truth = np.array([random.choice(classes, p=row) for row in probabilities])
    predicted = probabilities.argmax(axis=1)
    return Answers(problem_type="multiclass", truth=truth, predicted=predicted, probabilities=probabilities)


def make_schema(*names: str) -> FeatureSchema:
    return FeatureSchema(
        tuple(
            Feature(name=name, type="float", dtype="float64", nullable=False, minimum=0.0, maximum=72.5, sample=1.5)
            for name in names
        )
    )


def make_importance(*names: str) -> dict[str, FeatureImportance]:
    return {name: FeatureImportance(importance=1 / (1 + place), stddev=0.01) for place, name in enumerate(names)}


def render(manifest: Manifest, schema: FeatureSchema, answers: Answers, *, signed_by: str | None = KEY) -> str:
    return prepare_card(manifest, schema, answers).render(manifest, signed_by)


def read_binary_card(**changes: Any) -> PageReader:
    return PageReader(render(make_manifest(**changes), make_schema("tenure", "contract"), make_binary_answers()))
