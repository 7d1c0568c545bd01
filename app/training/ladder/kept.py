"""What a training leaves for later: the whole predictor and its rows, by the version that was published of it."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.training.gate.evaluation import GateDemands
from app.training.loading import load_predictor
from app.training.publication.publisher import Candidate
from app.training.refusals import TrainingRefused

_PREDICTOR = "predictor"
_ROWS = "rows.pkl"
_UNFINISHED = ".unfinished-"
# What unpickling raises on files that are damaged or of another version of this program.
_READING_FAULTS = (
    pickle.UnpicklingError,
    EOFError,
    OSError,
    ImportError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, kw_only=True)
class _KeptRows:
    train: pd.DataFrame | None
    held_out: pd.DataFrame
    name: str
    demands: GateDemands


@dataclass(frozen=True, kw_only=True)
class KeptTraining:
    """A training that was kept: its candidate, the full ensemble, and what the gate demanded of it."""

    candidate: Candidate
    demands: GateDemands


class Trainings(Protocol):
    """Where trainings are kept."""

    def keep(self, version: str, candidate: Candidate, demands: GateDemands) -> None:
        """Keep a training under the version that was published of it."""

    def open(self, version: str) -> KeptTraining:
        """Raises TrainingRefused when it is not kept or cannot be read."""


class NoTrainings:
    """Keeps nothing."""

    def keep(self, version: str, candidate: Candidate, demands: GateDemands) -> None:
        pass

    def open(self, version: str) -> KeptTraining:
        raise TrainingRefused(
            f"The training of version {version} was not kept: GLUONSERVE_KEEP_TRAININGS is 0. "
            "Set it to 1 or more and train again."
        )


NOTHING_KEPT = NoTrainings()


class KeptTrainings:
    """The last trainings in a directory of one's own; they are pickles, as predictors are, and stay on this machine."""

    def __init__(self, path: Path, *, most: int) -> None:
        self._path = path
        self._most = most

    def keep(self, version: str, candidate: Candidate, demands: GateDemands) -> None:
        """Copy the predictor and its rows, rename them into place, and remove the oldest ones beyond the limit."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._path))
        try:
            shutil.copytree(candidate.predictor.path, unfinished / _PREDICTOR)
            rows = _KeptRows(
                train=candidate.train_data, held_out=candidate.held_out, name=candidate.name, demands=demands
            )
            (unfinished / _ROWS).write_bytes(pickle.dumps(rows))
            shutil.rmtree(self._path / version, ignore_errors=True)
            os.rename(unfinished, self._path / version)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        for old in self._list_versions()[: -self._most]:
            shutil.rmtree(self._path / old)

    def open(self, version: str) -> KeptTraining:
        """Load a training.

        Raises:
            TrainingRefused: when it is not kept or cannot be read, saying what to do.
        """
        directory = self._path / version
        if not directory.is_dir():
            kept = ", ".join(self._list_versions()) or "none"
            raise TrainingRefused(
                f"The training of version {version} is not kept (kept: {kept}; "
                f"GLUONSERVE_KEEP_TRAININGS is {self._most}). Train again, with the limits as options of train."
            )
        try:
            rows = pickle.loads((directory / _ROWS).read_bytes())  # noqa: S301 (written by `keep`, as the predictor is)
            return KeptTraining(candidate=_open_candidate(directory, rows), demands=rows.demands)
        except _READING_FAULTS as fault:
            raise TrainingRefused(
                f"The training of version {version} cannot be read ({type(fault).__name__}). Train again."
            ) from fault
        except TrainingRefused as refused:
            raise TrainingRefused(
                f"The training of version {version} cannot be used. {refused} Train again."
            ) from refused

    def _list_versions(self) -> list[str]:
        return sorted((path.name for path in self._path.glob("[0-9]*")), key=int)


def choose_trainings(path: Path, *, most: int) -> Trainings:
    return KeptTrainings(path, most=most) if most else NOTHING_KEPT


def _open_candidate(directory: Path, rows: _KeptRows) -> Candidate:
    predictor: TabularPredictor = load_predictor(directory / _PREDICTOR)
    return Candidate(predictor=predictor, train_data=rows.train, held_out=rows.held_out, name=rows.name)
