from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.bodies.shape import Shape, measure_shape

text_with_traps = st.text(alphabet='":\\ \n{},[]aé')
documents = st.recursive(
    st.none() | st.integers() | text_with_traps,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text_with_traps, inner, max_size=4),
    max_leaves=30,
)


def measure_document(document: Any) -> Shape:
    """The same by walking through what was written."""
    if not isinstance(document, list | dict):
        return Shape(0, 0, 0)
    inner = [measure_document(item) for item in (document.values() if isinstance(document, dict) else document)]
    return Shape(
        fields=sum(shape.fields for shape in inner) + (len(document) if isinstance(document, dict) else 0),
        containers=sum(shape.containers for shape in inner) + 1,
        depth=max((shape.depth for shape in inner), default=0) + 1,
    )


@given(documents, st.sampled_from([None, 0, 2]), st.booleans())
def test_any_document_has_the_shape_that_its_text_tells(document: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)

    assert measure_shape(text.encode()) == measure_document(document)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (b"", Shape(0, 0, 0)),
        (b'{"a": 1, "a": 1}', Shape(2, 1, 1)),
        (b'{"a\\\\": 1, "\\"[{:": []}', Shape(2, 2, 2)),
        (b"[" * 100, Shape(0, 100, 100)),
        (b"]" * 100, Shape(0, 0, 0)),
        (b'"never closed {:[', Shape(0, 0, 0)),
    ],
)
def test_fields_are_counted_each_time_and_text_not_at_all(text: bytes, shape: Shape) -> None:
    assert measure_shape(text) == shape
