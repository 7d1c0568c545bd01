"""What a person sees while a load runs: a bar on a terminal, plain lines elsewhere, nothing on stdout."""

from __future__ import annotations

from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.cli.displays.display import Bar, Display, Lines, open_console
from app.loadtest.conducting import Watcher
from app.loadtest.sending.run import Progress as RunProgress

# Every line and every drawing takes time from the load.
_DRAWINGS_PER_SECOND = 2
_MOST_LINES = 20
_LEAST_SECONDS_BETWEEN_LINES = 1.0


class LoadDisplay(Watcher, Display, Protocol):
    """Shows how far a load is."""


class PlainDisplay(Lines):
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._what = ""
        self._next = self._step = _LEAST_SECONDS_BETWEEN_LINES

    def show_note(self, text: str) -> None:
        self._show_line(text)

    def begin(self, what: str, *, seconds: float | None, requests: int | None) -> None:  # noqa: ARG002
        self._what = what
        # Without a known end each line comes after half as long again as the last one took.
        self._next = self._step = max(_LEAST_SECONDS_BETWEEN_LINES, (seconds or 0.0) / _MOST_LINES)

    def show_progress(self, progress: RunProgress) -> None:
        if progress.seconds < self._next:
            return
        self._next = max(progress.seconds * (1 + 1 / _MOST_LINES), self._next + self._step)
        self._show_line(f"{self._what}: {progress.seconds:.0f} s, {describe(progress)}")


class BarDisplay(Bar):
    """A bar of what is done of what is to be done."""

    def __init__(self, console: Console) -> None:
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            refresh_per_second=_DRAWINGS_PER_SECOND,
        )
        super().__init__(progress)
        self._task: TaskID | None = None
        self._counts_requests = False

    def show_note(self, text: str) -> None:
        self._progress.console.print(Text(text))

    def begin(self, what: str, *, seconds: float | None, requests: int | None) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._counts_requests = seconds is None
        self._task = self._progress.add_task(what, total=requests if seconds is None else seconds, state="")

    def show_progress(self, progress: RunProgress) -> None:
        if self._task is not None:
            done = progress.requests if self._counts_requests else progress.seconds
            self._progress.update(self._task, completed=done, state=describe(progress))


def choose_display(stream: IO[str] | None = None) -> LoadDisplay:
    """A bar when stderr is a terminal, plain lines when it is not."""
    console = open_console(stream)
    return BarDisplay(console) if console.is_terminal else PlainDisplay(console.file)


def describe(progress: RunProgress) -> str:
    rate = progress.requests / progress.seconds if progress.seconds else 0.0
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{progress.requests:,} requests, {rate:,.0f} a second{failed}"
