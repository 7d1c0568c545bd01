"""What is shown while a table is scored."""

from __future__ import annotations

import io

from rich.console import Console

from app.cli.scoring.progress import BarDisplay, PlainDisplay, choose_display
from app.serving.scoring.order import Progress


def test_elsewhere_than_on_a_terminal_there_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with choose_display(stream) as display:
        assert isinstance(display, PlainDisplay)
        for second in range(1, 3601):
            display.show_progress(Progress(rows=second * 1000, seconds=float(second), share=second / 3600))
    first, *_, last = stream.getvalue().splitlines()
    assert first == "2,000 rows (0%), 1,000 a second"
    assert last.endswith("a second")
    assert 10 < len(stream.getvalue().splitlines()) < 30


def test_a_terminal_shows_a_bar() -> None:
    stream = io.StringIO()
    with BarDisplay(Console(file=stream, force_terminal=True, width=100)) as display:
        display.show_progress(Progress(rows=50, seconds=2.0, share=0.5))
        display.show_progress(Progress(rows=60, seconds=2.0))
    assert "60 rows, 30 a second" in stream.getvalue()
