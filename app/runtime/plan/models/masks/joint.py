"""Tables of several boosters as one: a row then looks its values up once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.models.masks.table import Table, TableColumn

_MOST_BYTES = 8_000_000

Masks = npt.NDArray[Any]
Cuts = dict[int, npt.NDArray[np.float64]]


def fit_together(tables: Sequence[Table]) -> bool:
    """Tell whether a joint table is possible, and small enough to be of use."""
    kinds = {(table.masks.dtype, table.leaves.dtype) for table in tables}
    rows = sum(len(own) + 2 for own in _join_cuts(tables).values())
    words = _count_words(tables) * sum(table.chains for table in tables)
    return len(kinds) == 1 and 0 < rows * words * tables[0].masks.itemsize <= _MOST_BYTES


def join_tables(tables: Sequence[Table]) -> Table:
    """One table with the chains of all, in their order, of tables that fit together.

    A column is cut wherever one of the tables cuts it, and each part has the masks of all of them. Chains shorter than
    the longest are filled up with words whose only leaf adds -0.0, which changes no sum.
    """
    bits, chains = 8 * tables[0].masks.itemsize, sum(table.chains for table in tables)
    cuts, words = _join_cuts(tables), _count_words(tables)
    masks = [_fill_up(_spread_masks(table, cuts), table.chains, words, 1) for table in tables]
    leaves = [_fill_up(table.leaves.reshape(-1, bits).T, table.chains, words, -0.0).T.ravel() for table in tables]
    return Table(np.concatenate(masks, axis=1), np.concatenate(leaves), _list_columns(cuts), chains)


def _count_words(tables: Sequence[Table]) -> int:
    """Of the longest chain."""
    return max(int(table.masks.shape[1]) // table.chains for table in tables)


def _join_cuts(tables: Sequence[Table]) -> Cuts:
    """Where each column of the matrix is cut."""
    cuts: dict[int, list[float]] = {}
    for table in tables:
        for own in table.columns:
            cuts.setdefault(own.column, []).extend(own.cuts)
    return {column: np.unique(np.array(own, np.float64)) for column, own in cuts.items()}


def _list_columns(cuts: Cuts) -> list[TableColumn]:
    columns, first = [], 0
    for column, own in cuts.items():
        columns.append(TableColumn(column, own.tolist(), first, first + len(own) + 1))
        first += len(own) + 2
    return columns


def _spread_masks(table: Table, cuts: Cuts) -> Masks:
    """The masks of a table in the rows of the joint one."""
    if not table.columns:
        return table.masks[:1].repeat(sum(len(own) + 2 for own in cuts.values()), axis=0)
    known = {own.column: own for own in table.columns}
    everything = np.full((1, table.masks.shape[1]), np.iinfo(table.masks.dtype).max, table.masks.dtype)
    parts = []
    for column, own in cuts.items():
        if column not in known:
            parts.append(everything.repeat(len(own) + 2, axis=0))
            continue
        before, first = known[column], np.zeros(1, np.intp)
        # Values of a part are above the cut before it.
        places = np.concatenate([first, np.searchsorted(before.cuts, own, side="right")]) + before.first
        parts.append(table.masks[[*places.tolist(), before.missing]])
    return np.concatenate(parts)


def _fill_up(words: Masks, chains: int, wanted: int, value: float) -> Masks:
    """(any, chains * words) with as many words to a chain as wanted, at its end."""
    shaped = words.reshape(len(words), chains, -1)
    missing = np.full((len(words), chains, wanted - shaped.shape[2]), value, words.dtype)
    return np.concatenate([shaped, missing], axis=2).reshape(len(words), -1)
