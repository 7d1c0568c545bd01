"""What a training leaves for later, on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.training.gate.evaluation import GateDemands
from app.training.gate.limits import Limit
from app.training.ladder.kept import KeptTrainings, choose_trainings
from app.training.publication.publisher import Candidate
from app.training.refusals import TrainingRefused
from tests.fixtures import FittedModel

DEMANDS = GateDemands(limits=(Limit("accuracy", "min", 0.5),), memory_gb=4, seed=7)


@pytest.fixture
def candidate(plannable: Callable[[str], FittedModel]) -> Candidate:
    model = plannable("binary")
    return Candidate(predictor=model.predictor, train_data=model.train_data, held_out=model.held_out, name="shop")


def test_a_training_comes_back_whole(candidate: Candidate, tmp_path: Path) -> None:
    choose_trainings(tmp_path, most=2).keep("1", candidate, DEMANDS)
    kept = choose_trainings(tmp_path, most=2).open("1")
    assert kept.demands == DEMANDS
    assert kept.candidate.name == "shop"
    assert kept.candidate.held_out.equals(candidate.held_out)
    assert kept.candidate.train_data is not None
    assert kept.candidate.train_data.equals(candidate.train_data)
    answers = kept.candidate.predictor.predict_proba(candidate.held_out)
    assert answers.equals(candidate.predictor.predict_proba(candidate.held_out))


def test_the_newest_trainings_are_kept_readable_for_their_owner_alone(candidate: Candidate, tmp_path: Path) -> None:
    trainings = KeptTrainings(tmp_path / "trainings", most=2)
    for version in ("8", "9", "10"):
        trainings.keep(version, candidate, DEMANDS)
    assert sorted(path.name for path in (tmp_path / "trainings").iterdir()) == ["10", "9"]
    assert (tmp_path / "trainings").stat().st_mode & 0o777 == 0o700
    with pytest.raises(TrainingRefused) as refused:
        trainings.open("8")
    assert str(refused.value) == (
        "The training of version 8 is not kept (kept: 9, 10; GLUONSERVE_KEEP_TRAININGS is 2). "
        "Train again, with the limits as options of train."
    )


@pytest.mark.parametrize(
    ("damaged", "content", "fault"),
    [
        ("rows.pkl", b"", r"cannot be read \(EOFError\). Train again."),
        ("rows.pkl", b"\x80\x09", r"cannot be read \(ValueError\). Train again."),
        ("predictor/predictor.pkl", b"", r"cannot be used. .* the predictor cannot be loaded .* Train again."),
        ("predictor/version.txt", b"0.1", r"cannot be used. .* saved by AutoGluon 0.1; .* Train again."),
    ],
)
def test_a_damaged_training_says_what_to_do(
    candidate: Candidate, tmp_path: Path, damaged: str, content: bytes, fault: str
) -> None:
    trainings = KeptTrainings(tmp_path, most=1)
    trainings.keep("1", candidate, DEMANDS)
    (tmp_path / "1" / damaged).write_bytes(content)
    with pytest.raises(TrainingRefused, match=f"^The training of version 1 {fault}$"):
        trainings.open("1")


def test_where_none_is_to_be_kept_nothing_is_written(candidate: Candidate, tmp_path: Path) -> None:
    trainings = choose_trainings(tmp_path, most=0)
    trainings.keep("1", candidate, DEMANDS)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TrainingRefused, match="was not kept: GLUONSERVE_KEEP_TRAININGS is 0"):
        trainings.open("1")
