from __future__ import annotations

import math

import pytest

from app.charts.text import show_list, show_text, write_number, write_share, write_tick


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Month-to-month", "Month-to-month"),
        ("שלום", "שלום"),
        ("a\u202eb", "a[U+202E]b"),
        ("a\x00b", "a[U+0000]b"),
        ("\ud800", "[U+D800]"),
        ("  ", "“  ”"),
        (True, "true"),
        (1.5, "1.5"),
        ("x" * 100, "x" * 40 + "…" + "x" * 40),
    ],
)
def test_a_text_is_shown_as_it_can_be_read(value: object, shown: str) -> None:
    assert show_text(value) == shown


def test_a_long_list_says_how_many_more_there_are() -> None:
    assert show_list(tuple(range(1500)), most=3) == "0, 1, 2 and 1,497 more"
    assert show_list(("a", "b"), most=3) == "a, b"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.42973, "0.4297"),
        (-0.0002048, "-0.0002048"),
        (6.23e-05, "6.23e-05"),
        (12345.6, "12,346"),
        (0.0, "0"),
        (None, "–"),
        (math.nan, "–"),
        (3e12, "3e+12"),
    ],
)
def test_a_number_has_four_digits(value: float | None, written: str) -> None:
    assert write_number(value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.30000000000000004, "0.3"), (5000.0, "5,000"), (15000.0, "15k"), (-2.5e6, "-2.5M")]
)
def test_a_tick_is_short(value: float, written: str) -> None:
    assert write_tick(value) == written


@pytest.mark.parametrize(
    ("share", "written"), [(0.0, "0.0 %"), (0.00001, "< 0.1 %"), (0.5, "50.0 %"), (0.99999, "> 99.9 %"), (1, "100.0 %")]
)
def test_a_share_never_rounds_to_all_or_nothing(share: float, written: str) -> None:
    assert write_share(share) == written
