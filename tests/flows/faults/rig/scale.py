"""How large the tests of this folder are, and where their figures go.

They are short in the suite, where no figure is judged that another machine would change. `make chaos` names a directory
in CHAOS_FIGURES: then they are whole, each writes there what it found, and the times that are promised count as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import orjson

FIGURES_VARIABLE = "CHAOS_FIGURES"

Size = TypeVar("Size")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What became of requests while something was broken.

    Attributes:
        part: The name of its part of the page.
        fault: What was broken, as a reader of the page is told.
        guard: In a control, what was switched off for it.
        failed: Requests of others than who broke it that were not answered with 200.
        measured: Other figures, in the order in which they are shown.
        holds: Whether everything that is promised was seen; of a control, whether the check found what it should.
    """

    part: str
    fault: str
    requests: int
    failed: int
    holds: bool
    guard: str | None = None
    measured: Mapping[str, str] = field(default_factory=dict)
    at: str = field(default_factory=lambda: datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M"))


@dataclass(frozen=True)
class Scale:
    """Attributes: figures: Where findings are kept; None in the suite, where nothing is kept."""

    figures: Path | None

    @property
    def is_whole(self) -> bool:
        return self.figures is not None

    def choose(self, *, short: Size, whole: Size) -> Size:
        return whole if self.is_whole else short

    def keep(self, finding: Finding) -> None:
        if self.figures is not None:
            self.figures.mkdir(parents=True, exist_ok=True)
            words = f"{finding.fault} {'without ' + finding.guard if finding.guard else ''}"
            name = f"{finding.part}-{re.sub(r'[^a-z0-9]+', '-', words.lower()).strip('-')}.json"
            (self.figures / name).write_bytes(orjson.dumps(asdict(finding), option=orjson.OPT_INDENT_2))

    def is_in_time(self, seconds: float | None, most: float) -> bool:
        """Whether something happened, and where times are judged, within what is promised."""
        return seconds is not None and (not self.is_whole or seconds <= most)


def read_scale() -> Scale:
    directory = os.environ.get(FIGURES_VARIABLE)
    return Scale(Path(directory) if directory else None)
