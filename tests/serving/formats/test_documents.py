from __future__ import annotations

from typing import Any

import pytest

from app.errors import InvalidRows
from app.serving.formats.documents import list_rows

ROWS = [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]


@pytest.mark.parametrize(
    "document",
    [
        {"data": ROWS},
        {"dataframe_records": ROWS},
        {"instances": ROWS},
        {"inputs": ROWS},
        {"inputs": {"a": [1, None], "b": ["x", "y"]}},
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [None, "y"]], "index": [0, 1]}},
    ],
)
def test_every_document_holds_the_same_rows(document: dict[str, Any]) -> None:
    assert list_rows(document) == ROWS


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ({}, [(None, None, "Expected the rows in exactly one of data")]),
        ({"data": ROWS, "inputs": ROWS}, [(None, None, "Expected the rows in exactly one of data")]),
        ({"inputs": 7}, [(None, "inputs", "Expected a list of rows, got a number.")]),
        ({"inputs": {}}, [(None, "inputs", "Expected at least one column.")]),
        ({"inputs": {"a": [1], "b": 2}}, [(None, "b", "Expected a list with a value for each row, got a number.")]),
        ({"inputs": {"a": [1], "b": [1, 2]}}, [(None, "b", "Expected 1 values like the first column, got 2.")]),
        ({"dataframe_split": [1]}, [(None, "dataframe_split", 'Expected an object with "columns" and "data".')]),
        ({"dataframe_split": {"columns": ["a"]}}, [(None, "dataframe_split", 'Expected "data" to be a list of rows')]),
        (
            {"dataframe_split": {"columns": [0], "data": [[1]]}},
            [(None, "dataframe_split", "Expected the names of columns to be text")],
        ),
        (
            {"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}},
            [(None, "dataframe_split", "Expected the names of columns to differ.")],
        ),
        (
            {"dataframe_split": {"columns": ["a"], "data": [[1], [1, 2], 3]}},
            [
                (1, None, "Expected 1 values, one for each column, got 2."),
                (2, None, "Expected a list of values, got a number."),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_document_is_named(document: dict[str, Any], faults: list[tuple[Any, ...]]) -> None:
    with pytest.raises(InvalidRows) as refused:
        list_rows(document)
    found = refused.value.faults
    assert [(fault.row, fault.field) for fault in found] == [(row, field) for row, field, _ in faults]
    assert all(fault.message.startswith(said) for fault, (_, _, said) in zip(found, faults, strict=True))
