"""Columns out of Arrow's hands: it finds the different values of each."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv
from pyarrow import types

from app.errors import InvalidTable
from app.runtime.columns.column import Column
from app.serving.formats.arrow.tables import open_arrow_batches
from app.serving.formats.arrow.values import is_text, list_plainly, list_values
from app.serving.formats.tables import USUAL_LIMITS

_BITS = {pyarrow.float64(): pyarrow.int64(), pyarrow.float32(): pyarrow.int32()}
_SHARED_TEXT = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())


def read_plain_csv(body: bytes, *, width: int) -> list[Column]:
    """The columns of lines without quotes. An empty cell is null.

    Raises:
        InvalidTable: when they are not UTF-8, or when a line has another number of cells.
    """
    names = [str(number) for number in range(width)]
    csv: Any = pyarrow.csv
    try:
        table = csv.read_csv(
            pyarrow.BufferReader(body),
            csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
            csv.ParseOptions(quote_char=False, double_quote=False, escape_char=False),
            csv.ConvertOptions(column_types=dict.fromkeys(names, _SHARED_TEXT), strings_can_be_null=False),
        )
    except pyarrow.ArrowException:
        raise InvalidTable("These lines are not CSV in UTF-8.") from None
    shared = [column.combine_chunks() for column in table.unify_dictionaries().columns]
    return [_place([cell or None for cell in list_plainly(one.dictionary)], one.indices) for one in shared]


def read_arrow_columns(content: bytes) -> dict[str, Column] | None:
    """The columns of an Arrow stream of one batch, as the parts of tables are; None for other streams.

    Raises:
        InvalidTable: when it cannot be read, or holds what no feature is.
        TooLarge: for more text than fits into memory with ease.
    """
    batches = list(open_arrow_batches(io.BytesIO(content), most_columns=USUAL_LIMITS.columns))
    if len(batches) != 1:
        return None
    [batch] = batches
    return {name: _group(column, name) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _group(column: Any, name: str) -> Column:
    """The different values as rows have them."""
    if types.is_dictionary(column.type):
        shown = column.indices.dictionary_encode()
        return _place(list_values(column.dictionary.take(shown.dictionary), name), shown.indices)
    if column.type in _BITS:
        # 0.0 and -0.0 are equal and differ.
        shown = column.view(_BITS[column.type]).dictionary_encode()
        return _place(list_values(shown.dictionary.view(column.type), name), shown.indices)
    if not _is_grouped(column.type):
        return Column.of(list_values(column, name))
    shown = column.dictionary_encode()
    return _place(list_values(shown.dictionary, name), shown.indices)


def _is_grouped(kind: Any) -> bool:
    """Whether Arrow finds the different values. Of views it would, but what they show may be longer than they are."""
    is_view = types.is_string_view(kind) or types.is_binary_view(kind)
    is_moment = types.is_timestamp(kind) or types.is_date(kind)
    return bool(not is_view and (is_text(kind) or is_moment or types.is_integer(kind)))


def _place(values: list[Any], indices: Any) -> Column:
    if indices.null_count:
        indices = indices.fill_null(len(values))
        values = [*values, None]
    return Column(values, np.asarray(indices).astype(np.intp))
