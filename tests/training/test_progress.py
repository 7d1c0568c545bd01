"""What is shown while training runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.training.progress import BarDisplay, PlainDisplay, TrainingDisplay, choose_display

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def run(display: TrainingDisplay) -> None:
    with display:
        display.show_step("Reading data.csv")
        display.show_note("5 rows [left] out.")
        display.start_fitting(models=2, time_limit_seconds=3600)
        display.start_model("LightGBM")
        display.finish_model("LightGBM", "accuracy 0.8 (1.0 s)")
        display.finish_fitting()


def test_elsewhere_than_on_a_terminal_every_event_is_a_line() -> None:
    stream = io.StringIO()
    display = choose_display(stream)
    assert isinstance(display, PlainDisplay)
    run(display)
    assert [line.split(" s  ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "Reading data.csv",
        "Note: 5 rows [left] out.",
        "Fitting up to 2 models within 3600 s",
        "  LightGBM ...",
        "  LightGBM: accuracy 0.8 (1.0 s)",
        "Fitting done",
    ]


def test_a_terminal_shows_a_bar_with_the_time_allowed() -> None:
    stream = io.StringIO()
    run(BarDisplay(Console(file=stream, force_terminal=True, width=100)))
    shown = stream.getvalue()
    assert "1/2 models" in shown
    assert "of 1:00:00" in shown
    assert "5 rows [left] out." in shown
    assert "LightGBM: accuracy 0.8 (1.0 s)" in shown


def test_a_fault_leaves_the_terminal_with_its_cursor() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), BarDisplay(Console(file=stream, force_terminal=True)) as display:  # noqa: PT012
        display.show_step("Reading")
        raise ValueError("broken")
    assert stream.getvalue().rfind(SHOW_CURSOR) > stream.getvalue().rfind(HIDE_CURSOR) >= 0
