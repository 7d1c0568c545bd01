"""Models of one family asked at once for one row: what a call costs is then paid once, not by each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]
AskRow = Callable[[Matrix], Sequence[Answers]]


class PlanModel(Protocol):
    """One fitted model. Answers are (rows,) for binary and regression, else (rows, classes or quantile levels)."""

    def predict(self, matrix: Matrix) -> Answers: ...


Model = TypeVar("Model", bound=PlanModel)


@runtime_checkable
class JoinableModel(PlanModel, Protocol):
    """A model of a family whose models can be asked together."""

    @classmethod
    def join(cls, models: Sequence[Any]) -> Iterator[tuple[Sequence[Any], AskRow]]:
        """Groups of the models, and for each what answers a matrix of one row as they do, bit by bit."""
        ...


class JointModels:
    """All models of a plan, for one row."""

    def __init__(self, models: Sequence[PlanModel]) -> None:
        self._count = len(models)
        place = {id(model): number for number, model in enumerate(models)}
        families: dict[type, list[PlanModel]] = {}
        for model in models:
            families.setdefault(type(model), []).append(model)
        self._groups = [
            ([place[id(model)] for model in group], ask)
            for family, own in families.items()
            for group, ask in (family.join(own) if issubclass(family, JoinableModel) else leave_alone(own))
        ]

    def ask(self, matrix: Matrix) -> list[Answers]:
        """What each model answers to one row, in their order."""
        answers: list[Any] = [None] * self._count
        for places, ask in self._groups:
            for place, answer in zip(places, ask(matrix), strict=True):
                answers[place] = answer
        return answers


def leave_alone(models: Sequence[Model]) -> Iterator[tuple[Sequence[Model], AskRow]]:
    """Each model for itself."""
    for model in models:
        yield [model], lambda matrix, model=model: [model.predict(matrix)]  # type: ignore[misc]
