"""Ladders of tiny models: what is built, how it is measured, and that what is chosen is what is released."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.release.files import list_files
from app.release.manifest import LadderEntry, LadderKind
from app.release.store import GOLDEN, ReleaseStore
from app.training.gate.metrics import answer_held_out_rows, compute_metric
from app.training.ladder.choice import LADDER_PARTS, LadderLimits
from app.training.ladder.climbing import Climb, LadderDemands, allow_seconds, climb_ladder
from app.training.ladder.members import add_ensemble, choose_model
from app.training.progress import PlainDisplay
from app.training.publication.publisher import Candidate, Publisher
from tests.builders import fit_predictor
from tests.fixtures import FittedModel

FEATURES = ["amount", "visits", "member", "city"]
FAMILIES = {"binary": ("GBM", "RF", "LR"), "regression": ("GBM", "RF"), "quantile": ("GBM",)}


@dataclass(frozen=True)
class Climbed:
    """A ladder that was built, with what it was built of and what was shown meanwhile."""

    candidate: Candidate
    climb: Climb
    shown: str

    @property
    def entries(self) -> dict[str, LadderEntry]:
        return {entry.name: entry for entry in self.climb.choice.entries}


def prepare(model: FittedModel, path: Path, problem_type: str) -> Candidate:
    """A smaller model of fewer features and families."""
    train, held_out = (frame[[*FEATURES, model.predictor.label]] for frame in (model.train_data, model.held_out))
    families = FAMILIES[problem_type]
    predictor = fit_predictor(train, problem_type=problem_type, path=path / "predictor", families=families)
    return Candidate(predictor=predictor, train_data=train, held_out=held_out, name="shop")


def climb(
    candidate: Candidate,
    path: Path,
    *,
    parts: tuple[LadderKind, ...] = LADDER_PARTS,
    limits: LadderLimits | None = None,
    most_seconds: float | None = None,
) -> Climbed:
    shown = io.StringIO()
    demands = LadderDemands(parts=parts, limits=limits or LadderLimits(), most_seconds=most_seconds)
    (path / "workspace").mkdir()
    done = climb_ladder(candidate, demands=demands, seed=0, workspace=path / "workspace", display=PlainDisplay(shown))
    return Climbed(candidate, done, shown.getvalue())


@pytest.fixture(scope="module")
def whole(plannable: Callable[[str], FittedModel], tmp_path_factory: pytest.TempPathFactory) -> Climbed:
    """Every candidate of a binary model of three weighted families; the fastest is chosen."""
    path = tmp_path_factory.mktemp("ladder")
    candidate = prepare(plannable("binary"), path, "binary")
    predictor = candidate.predictor
    weights = {"LightGBM_BAG_L1": 0.5, "RandomForest_BAG_L1": 0.3, "LinearModel_BAG_L1": 0.2}
    rows = candidate.held_out
    choose_model(predictor, add_ensemble(predictor, weights, like=predictor.model_best, suffix="_OF_3", rows=rows))
    return climb(candidate, path, limits=LadderLimits(quality_loss=1.0))


def test_every_kind_of_candidate_is_built_and_measured_as_it_would_be_served(whole: Climbed) -> None:
    names = ["full", "single", "single-2", "pruned-2", "one-fold", "student", "refit", "refit-single", "float16"]
    assert list(whole.entries) == names
    measured = [entry for entry in whole.entries.values() if entry.loss is not None]
    assert [entry.name for entry in measured] == names[:-1]
    for entry in measured:
        assert entry.execution == "plan"
        assert entry.loss_low is not None
        assert entry.loss_high is not None
        assert entry.loss is not None
        assert entry.loss_low <= entry.loss <= entry.loss_high
        figures = (entry.latency_ms, entry.latency_p99_ms, entry.rows_per_second, entry.size_mb, entry.memory_mb)
        assert all(figure is not None and figure > 0 for figure in figures)
        assert f"Ladder: {entry.name} loses" in whole.shown
    assert whole.entries["float16"].reason == (
        "left out: only the leaves of regression forests are large enough to be worth it"
    )


def test_quality_is_that_of_the_candidate_and_the_loss_is_relative_to_the_full_ensemble(whole: Climbed) -> None:
    full, chosen = whole.entries["full"], next(entry for entry in whole.entries.values() if entry.chosen)
    assert (full.loss, full.loss_low, full.loss_high) == (0.0, 0.0, 0.0)
    for predictor, entry in ((whole.candidate.predictor, full), (whole.climb.candidate.predictor, chosen)):
        answers = answer_held_out_rows(predictor, whole.candidate.held_out)
        assert entry.quality == pytest.approx(compute_metric(predictor.eval_metric, answers))
    assert full.quality is not None
    assert chosen.quality is not None
    # Accuracy: higher is better.
    assert chosen.loss == pytest.approx((full.quality - chosen.quality) / full.quality)


def test_the_fastest_is_chosen_and_what_is_chosen_is_what_is_released(whole: Climbed, tmp_path: Path) -> None:
    chosen = next(entry for entry in whole.entries.values() if entry.chosen)
    measured = [entry.latency_ms for entry in whole.entries.values() if entry.latency_ms is not None]
    assert chosen.latency_ms == min(measured)
    assert whole.climb.candidate.ladder == whole.climb.choice.entries
    publisher = Publisher(ReleaseStore(tmp_path / "models"))
    for candidate, entry in ((whole.climb.candidate, chosen), (whole.candidate, whole.entries["full"])):
        with publisher.stage(candidate, on_step=lambda _: None) as staged:
            assert staged.plan_refusal is None
            released = [path for path in list_files(staged.directory) if path != GOLDEN]
            size_mb = sum((staged.directory / path).stat().st_size for path in released) / 1e6
        # The pieces of a release are weighed one by one: each adds the head of an archive.
        assert entry.size_mb == pytest.approx(size_mb, rel=0.15, abs=0.003)


def test_the_training_itself_stays_as_it_was(whole: Climbed) -> None:
    predictor = whole.candidate.predictor
    assert predictor.model_best == "WeightedEnsemble_L2_OF_3"
    assert not any("Student" in model or "_F1" in model for model in predictor.model_names())


def test_a_regression_is_taught_and_rounded(plannable: Callable[[str], FittedModel], tmp_path: Path) -> None:
    candidate = prepare(plannable("regression"), tmp_path, "regression")
    climbed = climb(candidate, tmp_path, parts=("student", "float16"))
    full, student, rounded = (climbed.entries[name] for name in ("full", "student", "float16"))
    assert full.chosen
    assert climbed.climb.candidate.predictor.model_best == candidate.predictor.model_best
    assert student.loss is not None
    assert student.loss < 1
    assert rounded.loss is not None
    assert 0 < abs(rounded.loss) < 0.001


def test_what_is_left_out_says_why(plannable: Callable[[str], FittedModel], tmp_path: Path) -> None:
    candidate = prepare(plannable("quantile"), tmp_path, "quantile")
    climbed = climb(candidate, tmp_path, parts=("student", "refit"), most_seconds=0.0)
    assert climbed.entries["student"].reason == "left out: nothing is known that distils a quantile model"
    assert climbed.entries["refit"].reason.startswith("left out: it would take about")
    assert np.isfinite(climbed.entries["full"].latency_ms or np.nan)
    assert climbed.climb.choice.chosen == "full"


def test_without_parts_and_limits_nothing_is_built(plannable: Callable[[str], FittedModel], tmp_path: Path) -> None:
    model = plannable("binary")
    candidate = Candidate(predictor=model.predictor, train_data=None, held_out=model.held_out, name="shop")
    climbed = climb(candidate, tmp_path, parts=())
    assert (climbed.climb.candidate, climbed.climb.choice.entries, climbed.shown) == (candidate, (), "")


def test_a_ladder_takes_a_quarter_of_the_fitting_and_a_minute_in_any_case() -> None:
    assert (allow_seconds(10), allow_seconds(1000)) == (60, 250)
