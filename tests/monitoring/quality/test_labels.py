from __future__ import annotations

from typing import Any

import pytest

from app.monitoring.quality.labels import AnswerForm, describe_forms, read_number, write_label


@pytest.mark.parametrize(
    ("told", "label"), [(1, "1"), (1.0, 1), (" Yes ", "Yes"), (True, "True"), ("FALSE", False), (2.5, "2.5")]
)
def test_a_class_is_known_however_it_is_written(told: Any, label: Any) -> None:
    assert write_label(told) == write_label(label)


@pytest.mark.parametrize(("told", "label"), [("yes", "Yes"), (True, 1), ("01", 1)])
def test_other_classes_stay_others(told: Any, label: Any) -> None:
    assert write_label(told) != write_label(label)


@pytest.mark.parametrize(("told", "number"), [(3, 3.0), ("29.85", 29.85), (True, None), ("many", None), ("inf", None)])
def test_a_number_may_be_written_as_text(told: Any, number: float | None) -> None:
    assert read_number(told) == number


def test_what_is_expected_is_said_of_all_versions_together() -> None:
    forms = [AnswerForm(("No", "Yes")), AnswerForm(("Yes", "Maybe")), AnswerForm(None)]
    assert describe_forms(forms) == "Expected one of the classes No, Yes, Maybe or a number."
    assert [form.fits("7") for form in forms] == [False, False, True]
