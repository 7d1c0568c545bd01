"""What is shown while a load runs."""

from __future__ import annotations

import io

from rich.console import Console

from app.cli.loadtest.progress import BarDisplay, PlainDisplay, choose_display
from app.loadtest.sending.run import Progress


def test_elsewhere_than_on_a_terminal_there_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with choose_display(stream) as display:
        assert isinstance(display, PlainDisplay)
        display.show_note("Not sent: [churn].")
        display.begin("Measuring", seconds=60.0, requests=None)
        for quarter in range(1, 241):
            display.show_progress(Progress(quarter / 4, quarter * 250, failed=quarter // 200))
    note, first, *_, last = stream.getvalue().splitlines()
    assert note == "Not sent: [churn]."
    assert first == "Measuring: 3 s, 3,000 requests, 1,000 a second"
    assert last.endswith("a second, 1 failed")
    assert 15 <= len(stream.getvalue().splitlines()) <= 21


def test_lines_of_a_run_without_a_known_end_become_rarer() -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    display.begin("Measuring", seconds=None, requests=1000)
    for second in range(1, 3601):
        display.show_progress(Progress(float(second), second, 0))
    assert 20 < len(stream.getvalue().splitlines()) < 150


def test_a_terminal_shows_a_bar() -> None:
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=100)) as display:
        display.show_note("Not sent: [churn].")
        display.begin("Warming up", seconds=2.0, requests=None)
        display.begin("Measuring", seconds=None, requests=100)
        display.show_progress(Progress(1.0, 50, 2))
    assert "Not sent: [churn]." in stream.getvalue()
    assert "50 requests, 50 a second, 2 failed" in stream.getvalue()
