"""Columns of Arrow as the JSON values that a caller would send in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
from pyarrow import types

from app.errors import InvalidTable, TooLarge

# Of one column, in as many rows as are read at a time. Views may show the same text in each row.
_MOST_TEXT_BYTES = 100_000_000
_LONGEST_NAME_SHOWN = 200


def list_values(column: Any, name: str) -> list[Any]:
    """Null and not-a-number become None, which is what pandas means by both; dates and times become ISO 8601 text.

    Raises:
        InvalidTable: for a column of lists, objects or other things that no feature is.
        TooLarge: for more text than fits into memory with ease.
    """
    kind = column.type
    if types.is_dictionary(kind):
        return _list_shared_values(column, name)
    if types.is_floating(kind):
        numbers = column.cast(pyarrow.float32()) if types.is_float16(kind) else column
        return [None if value != value else value for value in list_plainly(numbers)]
    if types.is_timestamp(kind):
        return _list_moments(column)
    if types.is_date(kind) or types.is_time(kind) or types.is_decimal(kind):
        return list(column.cast(pyarrow.string()).to_pylist())
    if is_text(kind):
        return _list_texts(column, name)
    if types.is_integer(kind) or types.is_boolean(kind) or types.is_null(kind):
        return list(column.to_pylist()) if column.null_count else list_plainly(column)
    raise InvalidTable(f'The column "{name[:_LONGEST_NAME_SHOWN]}" holds something else than numbers, text and dates.')


def list_plainly(column: Any) -> list[Any]:
    """The values as Python has them, in a tenth of the time of `to_pylist`; null as None, or as not-a-number."""
    return list(column.to_numpy(zero_copy_only=False).tolist())


def is_text(kind: Any) -> bool:
    """Whether values are text, or bytes: old Parquet files do not tell these apart."""
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
    )


def _list_shared_values(column: Any, name: str) -> list[Any]:
    """Those of a dictionary, each made once; of a dictionary for a million rows only what these rows show."""
    shown = column.indices.unique().drop_null()
    values = dict(zip(shown.to_pylist(), list_values(column.dictionary.take(shown), name), strict=True))
    return [values.get(index) for index in column.indices.to_pylist()]


def _list_texts(column: Any, name: str) -> list[str | None]:
    if _measure_text(column) > _MOST_TEXT_BYTES:
        raise TooLarge(f'The column "{name[:_LONGEST_NAME_SHOWN]}" holds too much text.')
    try:
        return [value.decode() if isinstance(value, bytes) else value for value in list_plainly(column)]
    except (UnicodeDecodeError, pyarrow.ArrowException):
        raise InvalidTable(f'The column "{name[:_LONGEST_NAME_SHOWN]}" holds bytes that are not UTF-8.') from None


def _measure_text(column: Any) -> int:
    if types.is_string_view(column.type) or types.is_binary_view(column.type):
        # Arrow has no function for it: a view is 16 bytes, of which the first four are its length.
        views = np.frombuffer(column.buffers()[1], dtype="<i4")[::4]
        return int(views[column.offset : column.offset + len(column)].sum(dtype=np.int64))
    lengths = pyarrow.compute.binary_length(column)  # type: ignore[attr-defined] # made when Arrow is loaded
    return int(lengths.sum().as_py() or 0)


def _list_moments(column: Any) -> list[str | None]:
    """Moments as ISO 8601; those with a time zone in UTC, since not every name of a zone is known everywhere."""
    zone = "UTC" if column.type.tz is not None else None
    try:
        moments = column.cast(pyarrow.timestamp("us", zone)).to_pylist()
    except pyarrow.ArrowInvalid:
        # Finer than what Python's dates hold.
        return list(column.cast(pyarrow.timestamp("ns", zone)).cast(pyarrow.string()).to_pylist())
    return [None if moment is None else moment.isoformat() for moment in moments]
