"""What a release of a rung would take on disk, without making a release of each: models that rungs share weigh once."""

from __future__ import annotations

import shutil
from pathlib import Path

from autogluon.tabular import TabularPredictor

from app.release.archive import pack_directory
from app.release.files import list_files
from app.release.plan import PLAN_FILE
from app.release.store import PLAN
from app.release.verification import SCHEMA
from app.training.ladder.rungs import Rung
from app.training.publication.deployment import blank_training_statistics

_ARCHIVE = "archive"
_CONTENT = "content"
# What AutoGluon needs for further training only; it is not released.
_LEFTOVERS = "utils/"
_MODELS = "models"


class ReleaseScale:
    """Packs what rungs consist of as releases are packed, piece by piece.

    A release packs all pieces together: a few percent less at most. Its rows, its signature and its card are left out.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._models: dict[str, int] = {}
        self._arrays: dict[tuple[str, int], int] = {}

    def weigh_mb(self, rung: Rung, staged: Path) -> float:
        """Megabytes of what is staged of a rung and, where a plan is staged alone, of its predictor."""
        if not (staged / PLAN).is_dir():
            return sum((staged / path).stat().st_size for path in list_files(staged)) / 1e6
        arrays = [path for path in list_files(staged / PLAN) if path != PLAN_FILE]
        return (
            (staged / SCHEMA).stat().st_size
            + (staged / PLAN / PLAN_FILE).stat().st_size
            + sum(self._weigh_array(staged / PLAN / path) for path in arrays)
            + sum(self._weigh_model(rung.predictor, name) for name in list_needed(rung))
            + self._pack(Path(rung.predictor.path), list_shared_files(rung.predictor))
        ) / 1e6

    def _weigh_array(self, path: Path) -> int:
        key = (path.name, path.stat().st_size)
        if key not in self._arrays:
            self._arrays[key] = self._pack(path.parent, [path.name])
        return self._arrays[key]

    def _weigh_model(self, predictor: TabularPredictor, name: str) -> int:
        if name not in self._models:
            trainer = predictor._trainer
            directory = Path(trainer.path, trainer.get_model_attribute(name, "path"))
            files = [path for path in list_files(directory) if not path.startswith(_LEFTOVERS)]
            self._models[name] = self._pack(directory, files)
        return self._models[name]

    def _pack(self, directory: Path, files: list[str]) -> int:
        """Bytes of some files of a directory in an archive, forests without what no prediction reads."""
        content, archive = self._workspace / _CONTENT, self._workspace / _ARCHIVE
        try:
            for name in files:
                (content / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(directory / name, content / name)
            for path in content.glob("**/model.pkl"):
                blank_training_statistics(path)
            pack_directory(content, archive)
            return archive.stat().st_size
        finally:
            shutil.rmtree(content, ignore_errors=True)
            archive.unlink(missing_ok=True)


def list_needed(rung: Rung) -> list[str]:
    """The models that a rung needs to answer, itself included."""
    return [str(name) for name in rung.predictor._trainer.get_minimum_model_set(rung.model)]


def list_shared_files(predictor: TabularPredictor) -> list[str]:
    """The files of a predictor that belong to no model, without what only further training uses."""
    files = list_files(Path(predictor.path))
    return [path for path in files if not path.startswith(_LEFTOVERS) and not _belongs_to_model(path)]


def _belongs_to_model(path: str) -> bool:
    return path.startswith(f"{_MODELS}/") and path.count("/") > 1
