"""What a person sees while training runs: a bar on a terminal, plain lines elsewhere, nothing on stdout."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text
from typing_extensions import Self


class TrainingDisplay(Protocol):
    """Told about every step; a context manager, so that a bar is taken down on every way out."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show_step(self, text: str) -> None: ...

    def show_note(self, text: str) -> None: ...

    def start_fitting(self, *, models: int, time_limit_seconds: float) -> None: ...

    def start_model(self, name: str) -> None: ...

    def finish_model(self, name: str, result: str) -> None: ...

    def finish_fitting(self) -> None: ...


class PlainDisplay:
    """One line per event, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def show_step(self, text: str) -> None:
        print(f"{time.monotonic() - self._started:7.1f} s  {text}", file=self._stream, flush=True)

    def show_note(self, text: str) -> None:
        self.show_step(f"Note: {text}")

    def start_fitting(self, *, models: int, time_limit_seconds: float) -> None:
        self.show_step(f"Fitting up to {models} models within {time_limit_seconds:g} s")

    def start_model(self, name: str) -> None:
        self.show_step(f"  {name} ...")

    def finish_model(self, name: str, result: str) -> None:
        self.show_step(f"  {name}: {result}")

    def finish_fitting(self) -> None:
        self.show_step("Fitting done")


class BarDisplay:
    """A bar of models with the time used of the time allowed, and a line for each model that is done."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[limit]}"),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._models = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show_step(self, text: str) -> None:
        self._begin(text, total=None)

    def show_note(self, text: str) -> None:
        self._progress.console.print(Text(f"  {text}"))

    def start_fitting(self, *, models: int, time_limit_seconds: float) -> None:
        self._models = models
        self._begin("Fitting", total=models, count=f"0/{models} models", limit=f"of {_clock(time_limit_seconds)}")

    def start_model(self, name: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=name)

    def finish_model(self, name: str, result: str) -> None:
        self._progress.console.print(Text(f"  {name}: {result}"))
        if self._task is not None:
            self._progress.advance(self._task)
            done = int(self._progress.tasks[0].completed)
            self._progress.update(self._task, count=f"{done}/{max(done, self._models)} models", refresh=True)

    def finish_fitting(self) -> None:
        self._clear()

    def _begin(self, text: str, *, total: int | None, count: str = "", limit: str = "") -> None:
        self._clear()
        self._task = self._progress.add_task(text, total=total, count=count, limit=limit)

    def _clear(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
            self._progress.refresh()


def choose_display(stream: TextIO | None = None) -> TrainingDisplay:
    """A bar when stderr is a terminal, plain lines when it is not."""
    stream = sys.stderr if stream is None else stream
    console = Console(file=stream)
    return BarDisplay(console) if console.is_terminal else PlainDisplay(stream)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
