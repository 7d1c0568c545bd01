"""A booster as a plan holds it: its trees as a table, and the step from their sums to answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.models.masks.outputs import make_output
from app.runtime.plan.models.masks.table import MaskedTrees


class MaskedBooster:
    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self._trees = MaskedTrees(document["table"], directory)
        self._take_output = make_output(document["output"])

    def predict(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        return self._take_output(self._trees.sum_trees(matrix))
