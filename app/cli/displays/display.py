"""What the displays of long work have in common: they take themselves down on every way out."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import IO, Protocol

from rich.console import Console
from rich.progress import Progress
from typing_extensions import Self

Fault = BaseException | None


class Display(Protocol):
    """A context manager that has put the terminal in order when it ends."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, fault: Fault, trace: TracebackType | None) -> None: ...


class Lines:
    """Lines for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: Fault, trace: TracebackType | None) -> None:
        self._stream.flush()

    def _show_line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Bar:
    """A bar that is gone at the end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: Fault, trace: TracebackType | None) -> None:
        self._progress.stop()


def open_console(stream: IO[str] | None) -> Console:
    """The console of a stream, stderr if None; it tells whether that is a terminal."""
    return Console(file=sys.stderr if stream is None else stream)
