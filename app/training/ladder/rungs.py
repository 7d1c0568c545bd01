"""A rung of the ladder: one candidate, which is a model inside a predictor, and what it is in words."""

from __future__ import annotations

from dataclasses import dataclass

from autogluon.tabular import TabularPredictor

from app.release.manifest import LadderKind


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A candidate that exists. Several share one predictor: `choose_model` lets it answer by this one.

    Attributes:
        model: AutoGluon's name of it.
    """

    name: str
    kind: LadderKind
    description: str
    predictor: TabularPredictor
    model: str


@dataclass(frozen=True, kw_only=True)
class MissingRung:
    """A candidate that was left out, and why."""

    name: str
    kind: LadderKind
    description: str
    reason: str
