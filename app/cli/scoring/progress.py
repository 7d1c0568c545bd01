"""What a person sees while a table is scored: a bar on a terminal, plain lines elsewhere, nothing on stdout."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from typing_extensions import Self

from app.serving.scoring.order import Progress, ProgressWatcher

# Each line comes after half as long again as the one before: whoever waits for hours gets no thousands of them.
_FIRST_LINE_SECONDS = 2.0
_GROWTH = 1.5


class ScoringDisplay(ProgressWatcher, Protocol):
    """Takes itself down on every way out."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PlainDisplay:
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_seconds = _FIRST_LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def show_progress(self, progress: Progress) -> None:
        if progress.seconds >= self._next_seconds:
            self._next_seconds = progress.seconds * _GROWTH
            print(describe(progress), file=self._stream, flush=True)


class BarDisplay:
    """A bar of what is done of the table."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show_progress(self, progress: Progress) -> None:
        total = None if progress.share is None else 1.0
        self._bar.update(self._task, description=describe(progress), total=total, completed=progress.share)


def choose_display(stream: TextIO | None = None) -> ScoringDisplay:
    """A bar when stderr is a terminal, plain lines when it is not."""
    stream = sys.stderr if stream is None else stream
    console = Console(file=stream)
    return BarDisplay(console) if console.is_terminal else PlainDisplay(stream)


def describe(progress: Progress) -> str:
    share = "" if progress.share is None else f" ({progress.share:.0%})"
    return f"{progress.rows:,} rows{share}, {progress.rows_per_second:,.0f} a second"
