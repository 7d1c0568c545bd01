"""A booster as a plan holds it: its trees as a table, and the step from their sums to answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from app.runtime.plan.joint import AskRow, Matrix
from app.runtime.plan.models.masks.joint import fit_together, join_tables
from app.runtime.plan.models.masks.outputs import make_output
from app.runtime.plan.models.masks.table import MaskedTrees

Model = TypeVar("Model")


class MaskedBooster:
    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self.trees = MaskedTrees(document["table"], directory)
        self.take_output = make_output(document["output"])

    def predict(self, matrix: Matrix) -> npt.NDArray[Any]:
        return self.take_output(self.trees.sum_trees(matrix))


def join_boosters(boosters: Mapping[Model, MaskedBooster]) -> Iterator[tuple[Sequence[Model], AskRow]]:
    """Groups of models whose tables fit together, and what answers for a group at once."""
    group: list[Model] = []
    for model, booster in boosters.items():
        if group and not fit_together([boosters[own].trees.table for own in group] + [booster.trees.table]):
            yield group, _JointBoosters([boosters[own] for own in group]).predict
            group = []
        group.append(model)
    if group:
        yield group, _JointBoosters([boosters[own] for own in group]).predict


class _JointBoosters:
    """Boosters that read one table, for one row."""

    def __init__(self, boosters: Sequence[MaskedBooster]) -> None:
        tables = [booster.trees.table for booster in boosters]
        self._table = tables[0] if len(tables) == 1 else join_tables(tables)
        ends = itertools.pairwise(itertools.accumulate((table.chains for table in tables), initial=0))
        self._outputs = [(booster.take_output, slice(*own)) for booster, own in zip(boosters, ends, strict=True)]

    def predict(self, matrix: Matrix) -> list[npt.NDArray[Any]]:
        sums = self._table.sum_row(matrix[0].tolist()).reshape(1, -1)
        return [take_output(sums[:, own]) for take_output, own in self._outputs]
