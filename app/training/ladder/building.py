"""Builds the rungs of one training, cheap ones first, within a time; what is left out is listed with the reason."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import LadderEntry, LadderKind
from app.training.ladder.choice import FULL
from app.training.ladder.folds import count_folds, cut_bags, find_refit_fault, refit_models, replace_models
from app.training.ladder.measuring import RungMeter
from app.training.ladder.members import add_ensemble, read_weights
from app.training.ladder.pruning import list_pruned_weights
from app.training.ladder.rounding import NOTHING_TO_GAIN, add_rounded, find_roundable
from app.training.ladder.rungs import MissingRung, Rung
from app.training.ladder.student import DESCRIPTION, PROBLEM_TYPES, add_student
from app.training.progress import TrainingDisplay
from app.training.refusals import TrainingRefused

# Of the ensembles between the full one and its best model, so many are measured at most.
_MOST_PRUNED = 4
_MOST_SINGLES = 2
# What AutoGluon and its libraries raise when they cannot fit or copy a model.
_BUILDING_FAULTS = (ValueError, AssertionError, RuntimeError, TypeError, KeyError, AttributeError, OSError, MemoryError)

AnyRung = Rung | MissingRung


@dataclass(frozen=True)
class Ladder:
    """The measured rungs by name, and an entry for each and for each that was left out; the full ensemble is first."""

    rungs: Mapping[str, Rung]
    entries: tuple[LadderEntry, ...]


class LadderBuilder:
    """Builds rungs inside a copy of a predictor, so that the training itself stays as it was."""

    def __init__(
        self,
        predictor: TabularPredictor,
        *,
        train: pd.DataFrame | None,
        held_out: pd.DataFrame,
        parts: Sequence[LadderKind],
        meter: RungMeter,
        workspace: Path,
        seed: int,
        most_seconds: float | None,
        display: TrainingDisplay,
    ) -> None:
        self._predictor = predictor.clone(str(workspace / "ladder"), return_clone=True)
        self._predictor.verbosity = 0
        self._full = str(predictor.model_best)
        self._weights = read_weights(self._predictor, self._full)
        self._train = train
        self._held_out = held_out
        self._parts = parts
        self._meter = meter
        self._seed = seed
        self._deadline = time.monotonic() + most_seconds if most_seconds is not None else float("inf")
        self._display = display

    def build(self) -> Ladder:
        """Build and measure every rung that the parts and the time allow.

        Raises:
            TrainingRefused: when the full ensemble itself cannot be measured.
        """
        full = Rung(
            name=FULL,
            kind="full",
            description=f"the full ensemble: {self._list_models(self._weights)}",
            predictor=self._predictor,
            model=self._full,
        )
        rungs, entries = {FULL: full}, [self._measure(full)]
        for rung in self._build_others():
            entry = self._measure_if_possible(rung)
            entries.append(entry)
            if isinstance(rung, Rung) and entry.loss is not None:
                rungs[rung.name] = rung
        return Ladder(rungs, tuple(entries))

    def _build_others(self) -> Iterator[AnyRung]:
        parts: tuple[tuple[LadderKind, Callable[[], Iterator[AnyRung]]], ...] = (
            ("single", self._build_singles),
            ("pruned", self._build_pruned),
            ("student", self._build_student),
            ("refit", self._build_refitted),
            ("float16", self._build_rounded),
        )
        for kind, build in parts:
            if kind in self._parts:
                yield from build()

    def _build_singles(self) -> Iterator[AnyRung]:
        for position, model in enumerate(self._rank_singles()[:_MOST_SINGLES], start=1):
            name = "single" if position == 1 else f"single-{position}"
            place = "best" if position == 1 else "second best"
            yield self._rung(name, "single", f"the {place} single model: {self._describe(model)}", model)

    def _build_pruned(self) -> Iterator[AnyRung]:
        if len(self._weights) > 2:
            costs = {model: self._meter.measure_cost_ms(self._predictor, model) for model in self._weights}
            for weights in self._select_pruned(list(list_pruned_weights(self._weights, costs))):
                name = f"pruned-{len(weights)}"
                text = f"the full ensemble pruned to {self._list_models(weights)}"
                yield self._try(name, "pruned", text, lambda w=weights, n=name: self._join(w, n))  # type: ignore[misc]
        if any(count_folds(self._predictor, model) > 1 for model in self._weights):
            text = "the full ensemble with one fold of each bag"
            yield self._try("one-fold", "pruned", text, self._cut_folds)

    def _build_student(self) -> Iterator[AnyRung]:
        reason = self._find_student_fault()
        yield self._try("student", "student", DESCRIPTION, self._teach, reason=reason)

    def _build_refitted(self) -> Iterator[AnyRung]:
        bags = [model for model in self._weights if count_folds(self._predictor, model) > 1]
        if not bags:
            return
        text = f"the full ensemble, its bags refitted into one model each: {', '.join(bags)}"
        reason = self._find_refit_fault(bags)
        yield self._try("refit", "refit", text, lambda: self._refit(bags), reason=reason)
        refitted = self._predictor.model_refit_map().get(self._rank_singles()[0])
        if refitted and not reason:
            yield self._rung("refit-single", "refit", f"the best single model refitted: {refitted}", refitted)

    def _build_rounded(self) -> Iterator[AnyRung]:
        forests = find_roundable(self._predictor, self._weights)
        text = "the full ensemble with the leaves of its regression forests rounded to 16 bits"
        reason = None if forests else NOTHING_TO_GAIN
        yield self._try("float16", "float16", text, lambda: self._round(forests), reason=reason)

    def _cut_folds(self) -> str:
        return self._join(replace_models(self._weights, cut_bags(self._predictor, self._weights)), "one-fold")

    def _refit(self, bags: Sequence[str]) -> str:
        if self._train is None:
            raise TrainingRefused("no training data.")
        names = {**{model: model for model in self._weights}, **refit_models(self._predictor, bags, self._train)}
        return self._join(replace_models(self._weights, names), "refit")

    def _teach(self) -> str:
        if self._train is None:
            raise TrainingRefused("no training data.")
        left = self._deadline - time.monotonic()
        most_seconds = left if math.isfinite(left) else None
        return add_student(self._predictor, self._train, teacher=self._full, seed=self._seed, most_seconds=most_seconds)

    def _round(self, forests: Sequence[str]) -> str:
        names = {**{model: model for model in self._weights}, **add_rounded(self._predictor, forests)}
        return self._join(replace_models(self._weights, names), "float16")

    def _join(self, weights: Mapping[str, float], name: str) -> str:
        if len(weights) == 1:
            return next(iter(weights))
        return add_ensemble(
            self._predictor, weights, like=self._full, suffix=f"_{name.replace('-', '_')}", rows=self._held_out
        )

    def _find_student_fault(self) -> str | None:
        if self._predictor.problem_type not in PROBLEM_TYPES:
            return f"nothing is known that distils a {self._predictor.problem_type} model"
        return "it needs the training data" if self._train is None else None

    def _find_refit_fault(self, bags: Sequence[str]) -> str | None:
        if self._train is None:
            return "it needs the training data"
        fault = find_refit_fault(self._predictor, bags)
        seconds = sum(self._estimate_refit_seconds(model) for model in bags)
        left = self._deadline - time.monotonic()
        if not fault and seconds > left:
            return f"it would take about {seconds:.0f} s, of the time for the ladder {max(left, 0):.0f} s are left"
        return fault

    def _estimate_refit_seconds(self, model: str) -> float:
        fitted = self._predictor._trainer.get_model_attribute(model, "fit_time") or 0.0
        return float(fitted) / max(1, count_folds(self._predictor, model))

    def _try(
        self, name: str, kind: LadderKind, description: str, build: Callable[[], str], *, reason: str | None = None
    ) -> AnyRung:
        """Fallback: a rung that cannot be built is left out and the table says why; the others do not need it."""
        if not reason and time.monotonic() > self._deadline:
            reason = "the time for the ladder is over"
        if not reason:
            self._display.show_step(f"Ladder: building {name}")
            # What is held in memory is fitted out for serving and must not be copied.
            self._predictor.unpersist()
            try:
                return self._rung(name, kind, description, build())
            except _BUILDING_FAULTS as fault:
                first_line = next(iter(str(fault).splitlines()), "")
                reason = f"it could not be built ({type(fault).__name__}: {first_line})"
            except TrainingRefused as refused:
                reason = str(refused)
        return MissingRung(name=name, kind=kind, description=description, reason=reason)

    def _rung(self, name: str, kind: LadderKind, description: str, model: str) -> Rung:
        return Rung(name=name, kind=kind, description=description, predictor=self._predictor, model=model)

    def _measure_if_possible(self, rung: AnyRung) -> LadderEntry:
        """Fallback: a rung that does not load or answer is listed with the reason and not chosen."""
        if isinstance(rung, Rung):
            try:
                return self._measure(rung)
            except TrainingRefused as refused:
                reason = f"it could not be measured: {refused}"
        else:
            reason = f"left out: {rung.reason}"
        self._display.show_step(f"Ladder: {rung.name} {reason}")
        return LadderEntry(name=rung.name, kind=rung.kind, description=rung.description, reason=reason)

    def _measure(self, rung: Rung) -> LadderEntry:
        self._display.show_step(f"Ladder: measuring {rung.name}, {rung.description}")
        entry = self._meter.measure(rung)
        self._display.show_step(f"Ladder: {rung.name} {describe_entry(entry)}")
        return entry

    def _rank_singles(self) -> list[str]:
        """The models of the ensemble, the best by validation first; by weight where nothing was validated."""
        scores = {model: self._predictor._trainer.get_model_attribute(model, "val_score") for model in self._weights}
        known = {model: score for model, score in scores.items() if score is not None and math.isfinite(score)}
        ranked = known if len(known) == len(scores) else self._weights
        return sorted(ranked, key=lambda model: -ranked[model])

    def _select_pruned(self, ensembles: list[dict[str, float]]) -> list[dict[str, float]]:
        """Evenly chosen ones of many, the smallest among them."""
        if len(ensembles) <= _MOST_PRUNED:
            return ensembles
        last = len(ensembles) - 1
        return [ensembles[round(step * last / _MOST_PRUNED)] for step in range(1, _MOST_PRUNED + 1)]

    def _list_models(self, weights: Mapping[str, float]) -> str:
        return ", ".join(self._describe(model) for model in weights)

    def _describe(self, model: str) -> str:
        folds = count_folds(self._predictor, model)
        return f"{model} ({folds} folds)" if folds > 1 else model


def describe_entry(entry: LadderEntry) -> str:
    return f"loses {entry.loss:.2%}, one row {entry.latency_ms:.3g} ms, {entry.size_mb:.3g} MB"
