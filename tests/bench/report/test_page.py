from __future__ import annotations

import pytest

from tests.bench.report.machine import describe_machine
from tests.bench.report.page import Run, format_figure, render_page, render_table
from tests.bench.report.targets import Verdict
from tests.bench.scope import QUICK


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (0.5372, "0.537"), (12.345, "12.3"), (48765.4, "48,800"), (2.7e-8, "2.7e-08")],
)
def test_a_figure_has_three_digits(value: float | None, shown: str) -> None:
    assert format_figure(value) == shown


def test_a_table_is_markdown() -> None:
    assert render_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_the_page_says_what_fails() -> None:
    verdicts = [
        Verdict("speed", 2, True, 1.5),
        Verdict("memory", 150, False, 99.0, "MB"),
        Verdict("other", 1, True, None),
    ]
    page = render_page(
        Run(
            date="2026-11-23",
            minutes=2.0,
            machine=describe_machine(),
            scope=QUICK,
            results={},
            growth=None,
            verdicts=verdicts,
        )
    )
    assert "| speed | at least 2 | 1.5 | **no** |" in page
    assert "| memory | at most 150 MB | 99 MB | yes |" in page
    assert "| other | at least 1 | – | not measured |" in page
