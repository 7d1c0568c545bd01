"""What rows are expected to turn out as, summed up: of constant size, however many rows there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.measuring.cells import Cells
from app.monitoring.quality.measuring.metrics import bound_probabilities

Numbers = npt.NDArray[Any]
Bins = defaultdict[int, float]

# Width of the bins of scores, in log odds: 1/20 is at most 1.25 % of probability. Beyond 15 all are alike.
_BINS_PER_UNIT = 20
_MOST_LOG_ODDS = 15


class ExpectedSums:
    """What a stretch of answers leads one to expect.

    Attributes:
        rows: How many there were.
        cells: `cells[answered, true]`: how many rows are expected to be of this kind.
        loss, squared_loss: Of the logarithmic loss and of its square: the sums of what is expected of each row.
        hits, misses: Expected rows of the positive class and of the other, by bin of its score, of a binary model.
    """

    def __init__(self, classes: int, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        self.rows: int = state.get("rows", 0)
        self.cells: Numbers = np.array(state.get("cells", np.zeros((classes, classes))), dtype=float)
        self.loss: float = state.get("loss", 0.0)
        self.squared_loss: float = state.get("squared_loss", 0.0)
        self.hits = _read_bins(state.get("hits", {}))
        self.misses = _read_bins(state.get("misses", {}))

    def add_rows(self, answered: Numbers, said: Numbers, true: Numbers, *, positive: int | None) -> None:
        """Add rows.

        Args:
            answered: The class that was answered.
            said: Probability of each class, as it was answered.
            true: The same, calibrated.
            positive: Position of the positive class of a binary model.
        """
        self.rows += len(answered)
        np.add.at(self.cells, answered, true)
        losses = -np.log(bound_probabilities(said))
        self.loss += float((true * losses).sum())
        self.squared_loss += float((true * losses**2).sum())
        if positive is not None:
            bins = _find_bins(said[:, positive])
            _add_bins(self.hits, bins, true[:, positive])
            _add_bins(self.misses, bins, 1 - true[:, positive])

    def add(self, other: ExpectedSums) -> None:
        self.rows += other.rows
        self.cells = self.cells + other.cells
        self.loss += other.loss
        self.squared_loss += other.squared_loss
        for mine, others in ((self.hits, other.hits), (self.misses, other.misses)):
            for position, weight in others.items():
                mine[position] += weight

    def count_cells(self, positive: int | None) -> Cells:
        return Cells(counts=self.cells, positive=positive)

    def list_scores(self) -> tuple[Numbers, Numbers, Numbers]:
        """Whether a row is of the positive class, the bin of its score, and how many such rows are expected."""
        bins = sorted(self.hits.keys() | self.misses.keys())
        weights = [[counts[position] for position in bins] for counts in (self.hits, self.misses)]
        truth = np.repeat([True, False], len(bins))
        return truth, np.array([*bins, *bins], dtype=float), np.array(weights, dtype=float).ravel()

    def to_state(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "cells": self.cells.tolist(),
            "loss": self.loss,
            "squared_loss": self.squared_loss,
            "hits": {str(position): weight for position, weight in self.hits.items()},
            "misses": {str(position): weight for position, weight in self.misses.items()},
        }


def _find_bins(scores: Numbers) -> Numbers:
    bounded = bound_probabilities(scores)
    log_odds = np.log(bounded) - np.log1p(-bounded)
    bins: Numbers = np.rint(np.clip(log_odds, -_MOST_LOG_ODDS, _MOST_LOG_ODDS) * _BINS_PER_UNIT).astype(int)
    return bins


def _add_bins(bins: Bins, positions: Numbers, weights: Numbers) -> None:
    lowest = -_MOST_LOG_ODDS * _BINS_PER_UNIT
    sums = np.bincount(positions - lowest, weights=weights)
    for place in np.nonzero(sums)[0].tolist():
        bins[place + lowest] += float(sums[place])


def _read_bins(state: Mapping[str, float]) -> Bins:
    return defaultdict(float, {int(position): weight for position, weight in state.items()})
