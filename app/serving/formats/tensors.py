"""Tensors of the Open Inference Protocol, as JSON values and as bytes (its binary tensor extension).

One tensor holds one column: a value for each row. The protocol has no null. In JSON it is `null` all the same; in bytes
it is not-a-number, or text of no length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from app.errors import BadRequest
from app.release.schema import Feature

BYTES = "BYTES"
_NUMPY_TYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
DATATYPES = (*_NUMPY_TYPES, BYTES)
_DATATYPE_OF_KIND = {str: BYTES, bool: "BOOL", int: "INT64", float: "FP64"}
_LENGTH = struct.Struct("<I")


def find_datatype(feature: Feature) -> str:
    """What a tensor of a feature is best sent as. Others are taken too: what a value means is for the feature to say.

    A whole number that may be null is FP64, since only such a tensor can say so in bytes.
    """
    if feature.type == "category":
        kinds = {type(value) for value in feature.categories or ()} or {str}
        return BYTES if len(kinds) > 1 or bool in kinds else _DATATYPE_OF_KIND[kinds.pop()]
    if feature.type in ("datetime", "text"):
        return BYTES
    if feature.type == "bool":
        return "BOOL" if feature.nullable is False else BYTES
    return "INT64" if feature.type == "int" and feature.nullable is False else "FP64"


def name_datatype(kind: type) -> str:
    """The datatype of values of a Python type: str, bool, int or float."""
    return _DATATYPE_OF_KIND[kind]


def decode_tensor(content: memoryview, datatype: str, name: str) -> list[Any]:
    """The values of a tensor that came as bytes.

    Raises:
        BadRequest: when the bytes are not whole values of their datatype.
    """
    if datatype == BYTES:
        return list(_split_texts(content, name))
    kind = _NUMPY_TYPES[datatype]
    if len(content) % kind.itemsize:
        raise _name_damage(name)
    values: list[Any] = np.frombuffer(content, dtype=kind).tolist()
    # Only what is no number differs from itself.
    return [None if value != value else value for value in values] if kind.kind == "f" else values


def encode_tensor(values: Sequence[Any], datatype: str) -> bytes:
    """The same the other way round."""
    if datatype != BYTES:
        return np.asarray(values, dtype=_NUMPY_TYPES[datatype]).tobytes()
    texts = [str(value).encode() for value in values]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def _split_texts(content: memoryview, name: str) -> Iterator[str | None]:
    place = 0
    while place < len(content):
        start = place + _LENGTH.size
        if start > len(content):
            raise _name_damage(name)
        (length,) = _LENGTH.unpack_from(content, place)
        place = start + length
        if place > len(content):
            raise _name_damage(name)
        try:
            yield str(content[start:place], "utf-8") or None
        except UnicodeDecodeError:
            raise BadRequest(f'The tensor "{name}" holds text that is not UTF-8.', code="invalid_tensor") from None


def _name_damage(name: str) -> BadRequest:
    return BadRequest(f'The bytes of the tensor "{name}" are not whole values of its datatype.', code="invalid_tensor")
