from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import config
from app.monitoring.quality.measuring.cells import Cells
from app.monitoring.quality.measuring.money import count_money_of_cells, count_money_of_numbers
from app.monitoring.quality.measuring.pairs import Pairs
from app.monitoring.quality.measuring.values import ValuesUnusable, find_unknown_classes, read_values
from tests.manifests import make_manifest

BINARY = "binary: {true_positive: 40, false_positive: -5, true_negative: 0, false_negative: -100}"
CLASSES = """
classes:
  right: 1
  wrong: -2
  pairs:
    - {outcome: gold, answered: bronze, value: -50}
"""


def write(place: Path, text: str) -> Path:
    path = place / "values.yaml"
    path.write_text(text)
    return path


def test_the_example_can_be_used() -> None:
    values = read_values(Path(config.__file__).parent / "examples" / "outcome_values.yaml")
    assert values.binary is not None
    assert values.classes is not None
    assert values.numbers is not None


def test_two_classes_are_counted_by_case(tmp_path: Path) -> None:
    values = read_values(write(tmp_path, f"currency: EUR\n{BINARY}"))
    cells = Cells(counts=np.array([[70.0, 6.0], [4.0, 20.0]]), positive=1)
    money = count_money_of_cells(values, make_manifest(), cells)
    assert money is not None
    assert money.to_document() == {
        "currency": "EUR",
        "total": 20 * 40 - 4 * 5 - 6 * 100,
        "per_row": 1.8,
        "by_outcome": {"true_positive": 800, "false_positive": -20, "true_negative": 0, "false_negative": -600},
        "counts": {"true_positive": 20, "false_positive": 4, "true_negative": 70, "false_negative": 6},
    }


def test_of_more_classes_pairs_can_be_worth_something_else(tmp_path: Path) -> None:
    values = read_values(write(tmp_path, f"currency: EUR\n{CLASSES}"))
    manifest = make_manifest(problem_type="multiclass", class_labels=("bronze", "gold", "silver"))
    cells = Cells(counts=np.array([[5.0, 2.0, 1.0], [0.0, 6.0, 0.0], [1.0, 0.0, 7.0]]), positive=None)
    money = count_money_of_cells(values, manifest, cells)
    assert money is not None
    assert money.by_outcome == {"gold answered bronze": -100, "right": 18, "wrong": -4}
    assert find_unknown_classes(values, manifest) == []
    assert find_unknown_classes(values, make_manifest(problem_type="multiclass")) == ["bronze", "gold"]


def test_numbers_cost_by_how_far_they_are_off(tmp_path: Path) -> None:
    text = "currency: EUR\nnumbers: {per_unit_too_high: -1, per_unit_too_low: -3}"
    pairs = Pairs(problem_type="regression", truth=np.array([10.0, 10.0, 10.0]), predicted=np.array([12.0, 9.0, 10.0]))
    money = count_money_of_numbers(read_values(write(tmp_path, text)), pairs)
    assert money is not None
    assert (money.by_outcome, money.total) == ({"too_high": -2, "too_low": -3}, -5)


def test_what_is_not_declared_for_a_kind_of_model_is_not_counted(tmp_path: Path) -> None:
    values = read_values(write(tmp_path, f"currency: EUR\n{BINARY}"))
    cells = Cells(counts=np.ones((3, 3)), positive=None)
    assert count_money_of_cells(values, make_manifest(problem_type="multiclass"), cells) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("currency: EUR", "values: one of binary, classes and numbers is expected"),
        (BINARY, "currency: Missing data for required field"),
        ("currency: EUR\nbinary: {true_positive: 1}", "binary.false_positive: Missing data for required field"),
        (f"currency: EUR\n{BINARY.replace('40', 'yes')}", "binary.true_positive: Not a number"),
        (f"currency: EUR\n{BINARY.replace('40', '.nan')}", "binary.true_positive: "),
        (f"currency: EUR\n{BINARY}\nmore: 1", "more: Unknown field"),
        (f"currency: EUR\n{CLASSES}    - {{outcome: gold, answered: bronze, value: 1}}", "twice"),
        ("- a list", "currency: Missing data for required field"),
        ("a: [", "are not YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ValuesUnusable, match=r"values\.yaml") as refused:
        read_values(write(tmp_path, text))
    assert fault in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValuesUnusable, match="cannot be read"):
        read_values(tmp_path / "none.yaml")
