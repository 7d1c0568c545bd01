"""From a fitted predictor to the candidate that is published: build the ladder, measure it, choose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from app.release.manifest import LadderKind
from app.training.ladder.building import LadderBuilder
from app.training.ladder.choice import FULL, LADDER_PARTS, Choice, LadderLimits, choose_entry
from app.training.ladder.measuring import RungMeter
from app.training.ladder.members import choose_model
from app.training.profile import profile_features
from app.training.progress import TrainingDisplay
from app.training.publication.proof import frame_to_rows
from app.training.publication.publisher import Candidate

# Of the time that fitting took, the ladder may take this share, and this many seconds in any case.
_SHARE_OF_FITTING = 0.25
_LEAST_SECONDS = 60.0
_FOOTPRINT_ROWS = 500
# One-row calls of each candidate are timed as long as this, and batches again as long.
_TIMING_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class LadderDemands:
    """Which candidates are built besides the full ensemble, within which time, and what the chosen one must satisfy.

    Attributes:
        parts: None at all: the full ensemble is published as it is, unless a limit asks for candidates.
        most_seconds: After these no other candidate is begun; None: there is no haste.
    """

    parts: tuple[LadderKind, ...] = ()
    limits: LadderLimits = field(default_factory=LadderLimits)
    most_seconds: float | None = None

    @property
    def parts_to_build(self) -> tuple[LadderKind, ...]:
        return self.parts or (LADDER_PARTS if self.limits.given else ())


NO_LADDER = LadderDemands()


@dataclass(frozen=True, kw_only=True)
class Climb:
    """What came of a ladder.

    Attributes:
        candidate: What to publish, with all entries; the one that was given when none satisfies the limits.
    """

    candidate: Candidate
    choice: Choice


def allow_seconds(fitting_seconds: float) -> float:
    """How long the ladder of a training may take that was fitted in so many seconds."""
    return max(_LEAST_SECONDS, _SHARE_OF_FITTING * fitting_seconds)


def climb_ladder(
    candidate: Candidate, *, demands: LadderDemands, seed: int, workspace: Path, display: TrainingDisplay
) -> Climb:
    """Build and measure the candidates of one training and choose one of them.

    Raises:
        TrainingRefused: when the full ensemble itself cannot be measured.
    """
    if not demands.parts_to_build:
        return Climb(candidate=candidate, choice=Choice(entries=(), chosen=FULL))
    predictor, held_out = candidate.predictor, candidate.held_out
    schema = profile_features(predictor, train_data=candidate.train_data, held_out=held_out)
    meter = RungMeter(
        held_out=held_out,
        schema=schema,
        rows=frame_to_rows(held_out.head(_FOOTPRINT_ROWS), schema),
        workspace=workspace,
        seed=seed,
        most_seconds=_TIMING_SECONDS,
    )
    ladder = LadderBuilder(
        predictor,
        train=candidate.train_data,
        held_out=held_out,
        parts=demands.parts_to_build,
        meter=meter,
        workspace=workspace,
        seed=seed,
        most_seconds=demands.most_seconds,
        display=display,
    ).build()
    choice = choose_entry(ladder.entries, demands.limits)
    if choice.chosen is None:
        return Climb(candidate=candidate, choice=choice)
    rung = ladder.rungs[choice.chosen]
    display.show_step(f"Ladder: {rung.name} is chosen, {rung.description}")
    choose_model(rung.predictor, rung.model)
    return Climb(candidate=replace(candidate, predictor=rung.predictor, ladder=choice.entries), choice=choice)
