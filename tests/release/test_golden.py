from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import ReleaseUnusable
from app.release.golden import GoldenRows, read_golden_rows, write_golden_rows

GOLDEN = GoldenRows(rows=[{"a": 1}], labels=["yes"], probabilities=[{"no": 0.25, "yes": 0.75}])


def test_golden_rows_are_the_same_after_a_trip_to_disk(tmp_path: Path) -> None:
    write_golden_rows(tmp_path / "golden.json", GOLDEN)
    assert read_golden_rows(tmp_path / "golden.json") == GOLDEN


def test_equal_answers_have_no_difference() -> None:
    assert GOLDEN.find_difference(["yes"], [{"no": 0.25000001, "yes": 0.74999999}]) is None


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [
        (["no"], [{"no": 0.25, "yes": 0.75}]),
        (["yes"], [{"no": 0.25001, "yes": 0.74999}]),
        (["yes"], [{"yes": 0.75}]),
        (["yes"], None),
        ([], []),
        ([True], [{"no": 0.25, "yes": 0.75}]),
    ],
)
def test_any_other_answer_is_a_difference(labels: list[Any], probabilities: list[dict[str, float]] | None) -> None:
    assert GOLDEN.find_difference(labels, probabilities) is not None


def test_quantile_answers_are_compared_level_by_level() -> None:
    golden = GoldenRows(rows=[{}], labels=[{"0.1": 1.0, "0.9": 2.0}], probabilities=None)
    assert golden.find_difference([{"0.1": 1.0, "0.9": 2.0}], None) is None
    assert golden.find_difference([{"0.1": 1.0, "0.9": 2.1}], None) is not None


def test_one_row_is_compared_by_itself_and_keeps_its_number() -> None:
    golden = GoldenRows(rows=[{"a": 1}, {"a": 2}], labels=[1.5, 2.5], probabilities=None).take_one(1)
    assert golden == GoldenRows(rows=[{"a": 2}], labels=[2.5], probabilities=None)
    assert golden.find_difference([1.5], None, first=1) == "golden row 1 is answered otherwise than at publication"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"rows": []}'])
def test_damaged_golden_rows_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "golden.json").write_bytes(content)
    with pytest.raises(ReleaseUnusable):
        read_golden_rows(tmp_path / "golden.json")
