from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor  # type: ignore[import-untyped]

from app.errors import BadRequest
from app.release.schema import Feature
from app.serving.formats.tensors import decode_tensor, encode_tensor, find_datatype


def make_feature(type: str, nullable: bool | None, *categories: Any) -> Feature:
    return Feature(name="a", type=type, dtype="object", nullable=nullable, categories=categories or None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("feature", "datatype"),
    [
        (make_feature("int", False), "INT64"),
        (make_feature("int", True), "FP64"),
        (make_feature("int", None), "FP64"),
        (make_feature("float", False), "FP64"),
        (make_feature("bool", False), "BOOL"),
        (make_feature("bool", True), "BYTES"),
        (make_feature("category", False, "x"), "BYTES"),
        (make_feature("category", True, 1, 2), "INT64"),
        (make_feature("category", True, 0.5), "FP64"),
        (make_feature("category", True, True, "x"), "BYTES"),
        (make_feature("category", False), "BYTES"),
        (make_feature("datetime", False), "BYTES"),
        (make_feature("text", False), "BYTES"),
    ],
)
def test_each_feature_has_its_datatype(feature: Feature, datatype: str) -> None:
    assert find_datatype(feature) == datatype


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT8", [-128, 127]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP32", [0.5, -1.5]),
        ("FP64", [0.1, 1e300]),
        ("BYTES", ["x", "\u00e9" * 300]),
        ("BYTES", []),
    ],
)
def test_values_survive_as_bytes(datatype: str, values: list[Any]) -> None:
    assert decode_tensor(memoryview(encode_tensor(values, datatype)), datatype, "a") == values


def test_text_is_written_as_tritons_client_does() -> None:
    texts = np.array(["x", "", "\u00e9"], dtype=object)
    encoded = serialize_byte_tensor(texts).item()
    assert encode_tensor(list(texts), "BYTES") == encoded
    assert [text.decode() for text in deserialize_bytes_tensor(encoded)] == list(texts)


def test_in_bytes_null_is_no_number_or_no_text() -> None:
    assert decode_tensor(memoryview(np.array([1.5, np.nan]).tobytes()), "FP64", "a") == [1.5, None]
    assert decode_tensor(memoryview(encode_tensor(["x", ""], "BYTES")), "BYTES", "a") == ["x", None]


@pytest.mark.parametrize(
    ("content", "datatype", "said"),
    [
        (b"1234567", "INT64", "not whole values"),
        (b"\x01\x00\x00", "BYTES", "not whole values"),
        (b"\x05\x00\x00\x00abc", "BYTES", "not whole values"),
        (b"\xff\xff\xff\xffabc", "BYTES", "not whole values"),
        (b"\x01\x00\x00\x00\xff", "BYTES", "not UTF-8"),
    ],
)
def test_damaged_bytes_are_refused(content: bytes, datatype: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        decode_tensor(memoryview(content), datatype, "tenure")
    assert refused.value.code == "invalid_tensor"
