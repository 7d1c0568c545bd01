"""JSON documents of several dialects as rows: records, records by position of their columns, and columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from app.errors import MOST_FAULTS, FieldFault, InvalidRows
from app.runtime.row_fields import name_kind

Row = dict[str, Any]

RECORDS = ("data", "dataframe_records", "instances")
# Every member that may hold the rows; a document has exactly one of them.
MEMBERS = (*RECORDS, "dataframe_split", "inputs")


def list_rows(document: Mapping[str, Any]) -> Sequence[Any]:
    """The rows of a document, whichever of the members holds them.

    Raises:
        InvalidRows: when none or several do, or when the member is not of its form.
    """
    present = [name for name in MEMBERS if document.get(name) is not None]
    if len(present) != 1:
        raise _refuse(None, f"Expected the rows in exactly one of {', '.join(MEMBERS)}.")
    [name] = present
    held = document[name]
    if name == "dataframe_split":
        return _list_split_rows(held)
    if name == "inputs" and isinstance(held, dict):
        return list_rows_of_columns(held, whole=name)
    if not isinstance(held, list):
        raise _refuse(name, f"Expected a list of rows, got {name_kind(held)}.")
    return held


def list_rows_of_columns(columns: Mapping[str, Any], *, whole: str) -> list[Row]:
    """Rows of columns that are lists of the same length.

    Args:
        whole: What a caller calls all of them.

    Raises:
        InvalidRows: with every column that is no list, or of another length than the first.
    """
    faults = [
        FieldFault(None, name, f"Expected a list with a value for each row, got {name_kind(values)}.")
        for name, values in columns.items()
        if not isinstance(values, list)
    ]
    if not columns or faults:
        raise InvalidRows(faults[:MOST_FAULTS] or [FieldFault(None, whole, "Expected at least one column.")])
    rows = len(next(iter(columns.values())))
    faults = [
        FieldFault(None, name, f"Expected {rows} values like the first column, got {len(values)}.")
        for name, values in columns.items()
        if len(values) != rows
    ]
    if faults:
        raise InvalidRows(faults[:MOST_FAULTS])
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _list_split_rows(split: Any) -> list[Row]:
    """Rows of {"columns": [...], "data": [[...], ...]}, as pandas writes a frame; an index plays no part."""
    if not isinstance(split, dict) or not isinstance(split.get("columns"), list):
        raise _refuse("dataframe_split", 'Expected an object with "columns" and "data".')
    names, data = split["columns"], split.get("data")
    if not isinstance(data, list):
        raise _refuse("dataframe_split", f'Expected "data" to be a list of rows, got {name_kind(data)}.')
    _check_names(names)
    faults = list(islice(_find_rows_of_another_length(data, len(names)), MOST_FAULTS + 1))
    if faults:
        raise InvalidRows(faults[:MOST_FAULTS], is_complete=len(faults) <= MOST_FAULTS)
    return [dict(zip(names, values, strict=True)) for values in data]


def _check_names(names: Sequence[Any]) -> None:
    if not all(isinstance(name, str) for name in names):
        raise _refuse("dataframe_split", "Expected the names of columns to be text: columns are matched by name.")
    if len(set(names)) != len(names):
        raise _refuse("dataframe_split", "Expected the names of columns to differ.")


def _find_rows_of_another_length(data: Sequence[Any], length: int) -> Iterator[FieldFault]:
    for position, values in enumerate(data):
        if not isinstance(values, list):
            yield FieldFault(position, None, f"Expected a list of values, got {name_kind(values)}.")
        elif len(values) != length:
            yield FieldFault(position, None, f"Expected {length} values, one for each column, got {len(values)}.")


def _refuse(field: str | None, message: str) -> InvalidRows:
    return InvalidRows([FieldFault(None, field, message)])
