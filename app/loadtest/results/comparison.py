"""Two runs side by side: ratios, and whether they are more than the noise that each run shows in itself.

The noise is the standard error of a figure over the slices of a run. It does not know how runs differ from each other
on a machine that is not always equally fast: only repetitions tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from app.loadtest.refusals import LoadRefused

Verdict = Literal["better", "worse", "within noise", "too short to tell"]
CAUTION = (
    "Noise is what each run shows in itself. A machine is not equally fast every time: repeat both runs before you "
    "believe a small difference."
)
_STANDARD_ERRORS = 2.0
_LEAST_DIFFERENCE = 0.01
_FEWEST_SLICES = 5
_SUCCESS_RATE = "success rate"
_HIGHER_IS_BETTER = frozenset({"requests/s", _SUCCESS_RATE})


@dataclass(frozen=True)
class Measured:
    """A figure of one run.

    Attributes:
        error: Its standard error; None when the run was too short to tell.
    """

    value: float
    error: float | None


@dataclass(frozen=True)
class RunSummary:
    """What of a run is compared.

    Attributes:
        load: What was sent, by what two runs must have in common.
        measured: By the names of the figures.
    """

    began_at: str
    load: Mapping[str, Any]
    measured: Mapping[str, Measured]


@dataclass(frozen=True)
class Difference:
    """One figure of both runs.

    Attributes:
        ratio: Now divided by before; None where there is nothing to divide by.
        noise: By which share the ratio may be off by chance; None when the runs were too short to tell.
    """

    figure: str
    before: float
    now: float
    ratio: float | None
    noise: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """A run and an earlier one.

    Attributes:
        unlike: How the loads differ, in words; figures of different loads say little.
    """

    began_at: str
    unlike: tuple[str, ...]
    differences: tuple[Difference, ...]

    def to_document(self) -> dict[str, Any]:
        return {**asdict(self), "caution": CAUTION}


def read_summary(path: Path, *, form: str) -> RunSummary:
    """An earlier run from its document.

    Raises:
        LoadRefused: when the file holds none.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise LoadRefused(f"{path}: not readable as the JSON of a load test.") from None
    if not isinstance(document, dict) or document.get("format") != form:
        raise LoadRefused(f"{path}: not the report of a load test of this version.")
    try:
        return summarise(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LoadRefused(f"{path}: the report of a load test is damaged.") from None


def summarise(document: Mapping[str, Any]) -> RunSummary:
    """What of a report's document is compared."""
    return RunSummary(str(document["began_at"]), dict(document["load"]), _measure(document["figures"]))


def compare(before: RunSummary, now: RunSummary) -> Comparison:
    return Comparison(
        before.began_at,
        tuple(_list_unlike(before.load, now.load)),
        tuple(
            _judge(figure, before.measured[figure], measured)
            for figure, measured in now.measured.items()
            if figure in before.measured
        ),
    )


def _measure(figures: Mapping[str, Any]) -> dict[str, Measured]:
    slices = _choose_whole_slices(figures["slices"])
    measured = {
        "requests/s": Measured(
            figures["per_second"], _estimate_error([each["succeeded"] / each["seconds"] for each in slices])
        ),
        _SUCCESS_RATE: Measured(figures["success_rate"], _estimate_error_of_share(figures)),
    }
    latency = figures["latency"] or {}
    for name in ("p50", "p99"):
        if name in latency:
            values = [each[f"{name}_ms"] for each in slices if each[f"{name}_ms"] is not None]
            measured[f"{name} ms"] = Measured(latency[name], _estimate_error(values))
    return measured


def _judge(figure: str, before: Measured, now: Measured) -> Difference:
    ratio = now.value / before.value if before.value else None
    noise = _estimate_noise(before, now)
    return Difference(figure, before.value, now.value, ratio, noise, _decide(figure, before, now, noise))


def _decide(figure: str, before: Measured, now: Measured, noise: float | None) -> Verdict:
    distance = abs(math.log(now.value / before.value)) if before.value and now.value else math.inf
    least = 0.0 if figure == _SUCCESS_RATE else _LEAST_DIFFERENCE
    if before.value == now.value or distance <= max(noise or 0.0, least):
        return "within noise"
    if noise is None and math.isfinite(distance):
        return "too short to tell"
    return "better" if (now.value > before.value) == (figure in _HIGHER_IS_BETTER) else "worse"


def _estimate_noise(before: Measured, now: Measured) -> float | None:
    """Two standard errors of the ratio, as a share of it."""
    if before.error is None or now.error is None or not before.value or not now.value:
        return None
    return _STANDARD_ERRORS * math.hypot(before.error / before.value, now.error / now.value)


def _estimate_error(values: Sequence[float]) -> float | None:
    """The standard error of the mean."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) >= _FEWEST_SLICES else None


def _estimate_error_of_share(figures: Mapping[str, Any]) -> float:
    """The standard error of the success rate, as if there had been one more success and one more failure."""
    count = figures["requests"] + 2
    share = (figures["succeeded"] + 1) / count
    return math.sqrt(share * (1 - share) / count)


def _choose_whole_slices(slices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in slices if each["seconds"] > 0.5 * slices[0]["seconds"]]


def _list_unlike(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    for name in now:
        if before.get(name) != now[name]:
            yield f"{name.replace('_', ' ')}: {before.get(name)} before, {now[name]} now"
