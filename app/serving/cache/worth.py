"""Whether it pays to look for rows: what a look costs on this host, beside what the model takes for what is found."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.runtime.cost_curve import CostCurve
from app.runtime.rows import TypedRow

ONE_ROW, MANY_ROWS = 1, 1000
# Requests that are looked for although hardly any is ever found: one in so many rows, always the same ones, so that
# it shows whether they come again.
TRIED = 16
_ROWS_OF_A_WINDOW = 500
# Of n rows none was found: the share may still be 3 / n, with a confidence of 95 % (Hanley and Lippman-Hand, 1983, JAMA
# 249(13)). So a model that takes its time is looked past also while the first rows of many fill the cache.
_MAY_BE_MORE = 3
_SECONDS_BETWEEN_LINES = 600.0

Verdict = Literal["pays", "costs more", "finds too little"]

logger = logging.getLogger(__name__)


@dataclass
class _Share:
    """How many of the rows that were looked for were found, in requests of about one size."""

    value: float = 1.0
    looked_for: int = 0
    found: int = 0


class Worth:
    """Compares, for requests of each size.

    A look pays when what it costs is less than what the model takes for the rows that it finds: the share of rows that
    were found lately, in requests of about this size, times what the model takes for a request of this size.

    Args:
        place: Where is looked, in words for the log.
        look: What a look takes; None as long as that is not known, and then nobody looks.
        model: What the model takes.
    """

    def __init__(
        self,
        place: str,
        *,
        look: Callable[[], CostCurve | None],
        model: Callable[[], CostCurve],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._look = look
        self._model = model
        self._clock = clock
        # By the number of binary digits of the number of rows.
        self._shares = [_Share() for _ in range(64)]
        self._told: tuple[Verdict, Verdict] | None = None
        self._told_at = 0.0

    def pays(self, rows: Sequence[TypedRow]) -> bool:
        verdict = self.judge(len(rows))
        return verdict == "pays" or (verdict == "finds too little" and hash(rows[0]) % TRIED == 0)

    def judge(self, rows: int) -> Verdict:
        look = self._look()
        saved = self._model().estimate_seconds(rows)
        if look is None or (cost := look.estimate_seconds(rows)) >= saved:
            return "costs more"
        return "pays" if cost < self._shares[rows.bit_length()].value * saved else "finds too little"

    def note(self, *, looked_for: int, found: int) -> None:
        """Learn from a request. Threads that do at the same moment may lose a few rows of a share."""
        share = self._shares[looked_for.bit_length()]
        share.looked_for += looked_for
        share.found += found
        if share.looked_for >= _ROWS_OF_A_WINDOW:
            share.value = min(1.0, (share.found + _MAY_BE_MORE) / share.looked_for)
            share.looked_for = share.found = 0

    def tell(self, version: str) -> None:
        """Say in the log what holds, and later what has changed, at most once in ten minutes."""
        look = self._look()
        verdicts = self.judge(ONE_ROW), self.judge(MANY_ROWS)
        if look is None or verdicts == self._told or (self._told and self._clock() < self._told_at):
            return
        self._told, self._told_at = verdicts, self._clock() + _SECONDS_BETWEEN_LINES
        logger.info(
            "Version %s: to look for answers %s %s for one row (a look takes %s, the model %s) and %s for 1,000 rows "
            "(%s, %s).",
            version,
            self._place,
            verdicts[0],
            *self._write_costs(look, ONE_ROW),
            verdicts[1],
            *self._write_costs(look, MANY_ROWS),
        )

    def _write_costs(self, look: CostCurve, rows: int) -> tuple[str, str]:
        model = self._model()
        look_ms, model_ms = (1000 * curve.estimate_seconds(rows) for curve in (look, model))
        return f"{look_ms:.2g} ms", f"{model_ms:.2g} ms"
