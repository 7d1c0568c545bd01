"""What holds for many rows that are checked and predicted chunk by chunk: what their answers would be in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.errors import FieldFault, InvalidRows, TooLarge, Unavailable
from app.runtime.loading import LoadedRelease
from app.serving.answering import Prediction

# Fewer rows than this are one chunk, however fast the model is.
LEAST_CHUNK_ROWS = 256

ReadChunks = Callable[[int], Iterator[Sequence[Any]]]


def check_count(rows: int, most_rows: int) -> None:
    """Raises: TooLarge: for more rows than one request may hold. InvalidRows: for none."""
    if rows > most_rows:
        raise TooLarge(f"One request may hold {most_rows} rows, this one holds {rows}.", code="too_many_rows")
    if not rows:
        raise InvalidRows([FieldFault(None, "data", "Expected at least one row.")])


def check_chunks(release: LoadedRelease, chunks: Iterable[Sequence[Any]], *, most_rows: int) -> int:
    """Check all rows before the first is predicted; say how many there are.

    Raises:
        InvalidRows: with every fault of every row, up to the most that are listed.
        TooLarge: for more rows than one request may hold.
    """
    most, count, is_complete = release.rules.most_faults, 0, True
    faults: list[FieldFault] = []
    for chunk in chunks:
        if count + len(chunk) > most_rows:
            raise TooLarge(f"One request may hold {most_rows} rows, this one holds more.", code="too_many_rows")
        try:
            release.validator.check(chunk)
        except InvalidRows as refused:
            faults.extend(move_faults(refused.faults, count))
            is_complete = refused.is_complete
        if not is_complete or len(faults) > most:
            raise InvalidRows(faults[:most], is_complete=False)
        count += len(chunk)
    if faults:
        raise InvalidRows(faults)
    return count


class AnswersInSequence:
    """Makes the predictions of chunks those of one request: rows count on, and a warning is told once."""

    def __init__(self) -> None:
        self._rows = 0
        self._version: str | None = None
        self._unknown_fields: set[str | None] = set()

    def join(self, prediction: Prediction) -> Prediction:
        """Raises: Unavailable: when another release has answered than before; that happens when a trial ends."""
        version = prediction.manifest.version
        if self._version not in (None, version):
            raise Unavailable(
                "The version on trial was changed while the rows were predicted; nothing is answered.",
                retry_after_seconds=1,
            )
        self._version = version
        warnings = [warning for warning in prediction.warnings if warning.field not in self._unknown_fields]
        self._unknown_fields.update(warning.field for warning in warnings if warning.kind == "unknown_field")
        joined = replace(prediction, warnings=move_faults(warnings, self._rows))
        self._rows += len(prediction.labels)
        return joined


def move_faults(faults: Iterable[FieldFault], rows: int) -> list[FieldFault]:
    return [fault if fault.row is None else replace(fault, row=fault.row + rows) for fault in faults]
