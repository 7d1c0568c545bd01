"""What a person sees while a load runs: a bar on a terminal, plain lines elsewhere, nothing on stdout."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text
from typing_extensions import Self

from app.loadtest.conducting import Watcher
from app.loadtest.sending.run import Progress as RunProgress

# Every line and every drawing takes time from the load.
_DRAWINGS_PER_SECOND = 2
_MOST_LINES = 20
_LEAST_SECONDS_BETWEEN_LINES = 1.0


class Display(Watcher, Protocol):
    """Takes itself down on every way out."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PlainDisplay:
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._what = ""
        self._next = self._step = _LEAST_SECONDS_BETWEEN_LINES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def show_note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def begin(self, what: str, *, seconds: float | None, requests: int | None) -> None:  # noqa: ARG002
        self._what = what
        # Without a known end each line comes after half as long again as the last one took.
        self._next = self._step = max(_LEAST_SECONDS_BETWEEN_LINES, (seconds or 0.0) / _MOST_LINES)

    def show_progress(self, progress: RunProgress) -> None:
        if progress.seconds < self._next:
            return
        self._next = max(progress.seconds * (1 + 1 / _MOST_LINES), self._next + self._step)
        print(f"{self._what}: {progress.seconds:.0f} s, {describe(progress)}", file=self._stream, flush=True)


class BarDisplay:
    """A bar of what is done of what is to be done."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            refresh_per_second=_DRAWINGS_PER_SECOND,
        )
        self._task: TaskID | None = None
        self._counts_requests = False

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

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


def choose_display(stream: TextIO | None = None) -> Display:
    """A bar when stderr is a terminal, plain lines when it is not."""
    stream = sys.stderr if stream is None else stream
    console = Console(file=stream)
    return BarDisplay(console) if console.is_terminal else PlainDisplay(stream)


def describe(progress: RunProgress) -> str:
    rate = progress.requests / progress.seconds if progress.seconds else 0.0
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{progress.requests:,} requests, {rate:,.0f} a second{failed}"
