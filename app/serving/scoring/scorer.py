"""One part of a table answered by one release: read, checked, predicted and written as a small result of its own."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from app.errors import FieldFault, InvalidRows, InvalidTable, ServiceError
from app.runtime.columns.validator import CheckedColumns
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import ColumnExecutor, PredictedColumns, Predictions
from app.serving.formats.columns import read_columns
from app.serving.formats.results import ResultLayout, open_result_writer
from app.serving.formats.tables import open_table
from app.serving.scoring.parts import TablePart

# A result of many rows with one fault in each is of no more use than this many of them.
_MOST_FAULTS = 100

NameRows = Callable[[int, int], Sequence[str]]
"""Prediction identifiers for so many rows, from the first of them on."""


@dataclass(frozen=True)
class ScoredPart:
    """What became of one part. The same part and release always give the same.

    Attributes:
        content: A result in the format of the scorer, with what begins and ends such a file.
        warnings: How many values of each kind were accepted although training has not seen their like.
        is_by_rows: Whether each row had to be looked at for itself, which takes twice as long.
    """

    number: int
    rows: int
    content: bytes
    warnings: Mapping[str, int]
    is_by_rows: bool = False


@dataclass(frozen=True)
class PartRefusal:
    """Why a part has no result. Plain values: it is handed on between processes and kept.

    Attributes:
        faults: The first of them; rows are counted in the whole table.
    """

    code: str
    detail: str
    faults: tuple[FieldFault, ...] = ()


class PartScorer:
    """Holds one release and answers any parts with it."""

    def __init__(self, release: LoadedRelease, result_type: str, *, name_rows: NameRows | None = None) -> None:
        self._release = release
        self._result_type = result_type
        self._layout = ResultLayout.of(release.manifest, has_ids=name_rows is not None)
        self._name_rows = name_rows or _name_nothing

    def score(self, part: TablePart) -> ScoredPart | PartRefusal:
        """Answer every row of a part, or none.

        Fallback: a part whose columns hold anything but what is certainly accepted is answered row by row, which also
        tells what is wrong with it; the same comes out, and `is_by_rows` tells.
        """
        return self._score_columns(part) or self._score_rows(part)

    def _score_columns(self, part: TablePart) -> ScoredPart | None:
        try:
            columns = read_columns(part.header, part.body, part.media_type)
            checked = None if columns is None else self._release.column_validator.check(columns)
            if checked is None or checked.row_count != part.rows:
                return None
            answers = self._predict(checked)
        except ServiceError:
            return None
        return self._finish(part, part.rows, answers, checked.warnings)

    def _predict(self, checked: CheckedColumns) -> Predictions | PredictedColumns:
        executor = self._release.executor
        if isinstance(executor, ColumnExecutor):
            return executor.predict_columns(checked.features)
        return executor.predict(checked.list_rows())

    def _score_rows(self, part: TablePart) -> ScoredPart | PartRefusal:
        try:
            checked = self._release.validator.check(_read_rows(part))
            predictions = self._release.executor.predict(checked.rows)
        except ServiceError as refusal:
            return describe_refusal(refusal, part)
        kinds = Counter(str(fault.kind) for fault in checked.warnings)
        return replace(self._finish(part, len(predictions.labels), predictions, kinds), is_by_rows=True)

    def _finish(
        self, part: TablePart, count: int, answers: Predictions | PredictedColumns, warnings: Mapping[str, int]
    ) -> ScoredPart:
        sink = io.BytesIO()
        writer = open_result_writer(sink, self._result_type, self._layout)
        names = self._name_rows(part.first_row, count)
        if isinstance(answers, PredictedColumns):
            writer.write_columns(answers, names)
        else:
            writer.write(answers.labels, answers.probabilities, names)
        writer.close()
        return ScoredPart(part.number, count, sink.getvalue(), warnings)


def _name_nothing(first_row: int, count: int) -> Sequence[str]:  # noqa: ARG001 - as those who name rows take them
    return ()


def _read_rows(part: TablePart) -> list[dict[str, Any]]:
    """The rows of a part; a damaged line is named by its place in the whole table."""
    try:
        return _read(part, part.content)
    except InvalidTable:
        if not part.first_line:
            raise
        return _read(part, part.content_at_its_lines)


def _read(part: TablePart, content: bytes) -> list[dict[str, Any]]:
    with open_table(io.BytesIO(content), part.media_type, chunk_rows=part.rows) as table:
        return list(chain.from_iterable(table))


def describe_refusal(refusal: ServiceError, part: TablePart) -> PartRefusal:
    found = refusal.faults
    kept = tuple(replace(fault, row=part.first_row + (fault.row or 0)) for fault in found[:_MOST_FAULTS])
    detail = refusal.detail
    if isinstance(refusal, InvalidRows):
        faults = f"{len(found)} fault{'' if len(found) == 1 else 's'}"
        detail = f"{faults} in rows {part.first_row} to {part.first_row + part.rows - 1}; rows are counted from 0."
    return PartRefusal(refusal.code, detail, kept)
