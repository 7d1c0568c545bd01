"""The confusion matrix: which class was answered where which one was true."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from app.charts.table import Cell, Table, make_row
from app.charts.text import show_text, write_share

Numbers = npt.NDArray[Any]

_MOST_CLASSES = 12
_NAME_CHARACTERS = 24
# Beside so many counts there is room for their shares.
_MOST_SHARES = 4


def count_confusions(truth: Numbers, predicted: Numbers, classes: int) -> Numbers:
    """Rows by true class (first axis) and answered class (second axis), both as positions."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def tabulate_confusions(counts: Numbers, names: tuple[object, ...]) -> Table:
    """The matrix of the largest classes; the others are added up as one."""
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    shown = np.sort(order[:_MOST_CLASSES])
    if len(names) == len(shown):
        return _draw(counts, tuple(show_text(name, most=_NAME_CHARACTERS) for name in names), "")
    rest = np.sort(order[_MOST_CLASSES:])
    groups = [*([position] for position in shown), rest.tolist()]
    small = np.array([[counts[np.ix_(row, column)].sum() for column in groups] for row in groups])
    labels = [show_text(names[position], most=_NAME_CHARACTERS) for position in shown]
    note = (
        f"The {len(shown)} classes with the most held-out rows; the {len(rest)} others are added up in the last line."
    )
    return _draw(small, (*labels, f"{len(rest)} other classes"), note)


def _draw(counts: Numbers, labels: tuple[str, ...], note: str) -> Table:
    return Table(
        caption="Confusion matrix: rows are what was true, columns what was answered",
        columns=("true \\ answered", *labels, "rows"),
        rows=tuple(
            make_row(label, *_shade(line), f"{int(line.sum()):,}") for label, line in zip(labels, counts, strict=True)
        ),
        numeric=frozenset(range(1, len(labels) + 2)),
        note=f"Shades, and shares where there are few classes, are of the rows of a true class. {note}".strip(),
    )


def _shade(line: Numbers) -> list[Cell]:
    total = int(line.sum())
    if not total:
        return [Cell("0", shade=0) for _ in line]
    return [
        Cell(_write_count(int(count), total, with_share=len(line) <= _MOST_SHARES), shade=round(count / total * 10))
        for count in line
    ]


def _write_count(count: int, total: int, *, with_share: bool) -> str:
    return f"{count:,} ({write_share(count / total)})" if with_share and count else f"{count:,}"
