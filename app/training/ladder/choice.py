"""Which rung is published: the limits that a person sets, and the rule by which one of the measured rungs is chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.release.manifest import LadderEntry, LadderKind
from app.training.gate.limits import Limit

FULL = "full"
# The kinds of rungs besides the full ensemble, cheap ones first.
LADDER_PARTS: tuple[LadderKind, ...] = ("single", "pruned", "student", "refit", "float16")
# Relative to the evaluation metric of the full ensemble, when a limit of speed or size is given without one of quality.
DEFAULT_QUALITY_LOSS = 0.01


@dataclass(frozen=True, kw_only=True)
class LadderLimits:
    """What the published rung must satisfy. None: nothing is demanded.

    Attributes:
        quality_loss: Share of the full ensemble's evaluation metric that may be lost: 0.01 is 1 %.
    """

    latency_ms: float | None = None
    size_mb: float | None = None
    quality_loss: float | None = None

    @property
    def given(self) -> bool:
        return (self.latency_ms, self.size_mb, self.quality_loss) != (None, None, None)

    @property
    def allowed_loss(self) -> float:
        return DEFAULT_QUALITY_LOSS if self.quality_loss is None else self.quality_loss


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All rungs with the reason for or against each.

    Attributes:
        chosen: Name of the rung to publish; None when none satisfies the limits.
        refusal: Why none does and which comes nearest; empty when one is chosen.
    """

    entries: tuple[LadderEntry, ...]
    chosen: str | None
    refusal: str = ""


def choose_entry(entries: Sequence[LadderEntry], limits: LadderLimits) -> Choice:
    """Apply the rule: without limits the full ensemble; with one of speed or size the best of those that satisfy it;
    with one of quality only the fastest of those that satisfy it.
    """
    if not limits.given:
        return _mark(entries, FULL, "chosen: no limit was given", limits)
    fitting = [entry for entry in entries if entry.loss is not None and not list_excesses(entry, limits)]
    if not fitting:
        return _refuse(entries, limits)
    if limits.latency_ms is None and limits.size_mb is None:
        fastest = min(fitting, key=lambda entry: entry.latency_ms or 0.0)
        return _mark(entries, fastest.name, "chosen: the fastest within the loss allowed", limits)
    best = min(fitting, key=lambda entry: (entry.loss or 0.0, entry.latency_ms or 0.0))
    return _mark(entries, best.name, "chosen: the best within the limits", limits)


def is_made_of(published: Sequence[LadderEntry], entries: Sequence[LadderEntry]) -> bool:
    """Whether a version of this ladder was made of what is chosen now; without a ladder it was the full ensemble."""
    before = [(entry.kind, entry.description) for entry in published if entry.chosen]
    now = [(entry.kind, entry.description) for entry in entries if entry.chosen]
    return before == now if before else [kind for kind, _ in now] == ["full"]


def join_limits(limits: Sequence[Limit], ladder: LadderLimits) -> tuple[Limit, ...]:
    """The limits of the gate and those of the ladder: the release as it is staged must satisfy them too."""
    asked = (("latency_ms", ladder.latency_ms), ("size_mb", ladder.size_mb))
    known = {(limit.metric, limit.direction): limit for limit in limits}
    for name, bound in asked:
        if bound is not None:
            before = known.get((name, "max"), Limit(name, "max", bound))
            known[name, "max"] = Limit(name, "max", min(bound, before.bound))
    return tuple(known.values())


def list_excesses(entry: LadderEntry, limits: LadderLimits) -> list[str]:
    """What a measured rung exceeds, in words."""
    measured = (
        ("one row takes", entry.latency_ms, limits.latency_ms, "{:.3g} ms"),
        ("it has", entry.size_mb, limits.size_mb, "{:.3g} MB"),
        ("it loses", entry.loss, limits.allowed_loss, "{:.2%}"),
    )
    return [
        f"{what} {unit.format(value)}, allowed are {unit.format(bound)}"
        for what, value, bound, unit in measured
        if value is not None and bound is not None and value > bound
    ]


def _mark(entries: Sequence[LadderEntry], chosen: str, reason: str, limits: LadderLimits) -> Choice:
    return Choice(
        entries=tuple(
            replace(entry, chosen=True, reason=reason) if entry.name == chosen else _explain(entry, limits)
            for entry in entries
        ),
        chosen=chosen,
    )


def _explain(entry: LadderEntry, limits: LadderLimits) -> LadderEntry:
    if entry.loss is None:
        return entry
    excesses = list_excesses(entry, limits) if limits.given else []
    return replace(entry, reason="; ".join(excesses) or "not chosen")


def _refuse(entries: Sequence[LadderEntry], limits: LadderLimits) -> Choice:
    explained = tuple(_explain(entry, limits) for entry in entries)
    measured = [entry for entry in explained if entry.loss is not None]
    nearest = min(measured, key=lambda entry: _rate_excess(entry, limits))
    return Choice(
        entries=explained,
        chosen=None,
        refusal=f"No candidate satisfies the limits; the nearest is {nearest.name}: {nearest.reason}.",
    )


def _rate_excess(entry: LadderEntry, limits: LadderLimits) -> float:
    """How far a rung is above the limits, each in doublings; a loss counts by what is left of the metric."""
    pairs = ((entry.latency_ms, limits.latency_ms), (entry.size_mb, limits.size_mb))
    above = sum(math.log2(value / bound) for value, bound in pairs if value and bound and value > bound)
    return above + max(0.0, (entry.loss or 0.0) - limits.allowed_loss) * 10
