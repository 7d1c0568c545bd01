"""Opening a predictor that was trained elsewhere."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from autogluon.tabular import TabularPredictor

from app.training.loading import load_predictor
from app.training.refusals import TrainingRefused
from tests.fixtures import FittedModel


class RunsOnUnpickling:
    """What an attacker would put into a pickle."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self._path,)


@pytest.fixture
def directory(fitted: Callable[[str], FittedModel], tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted("binary").predictor.path, tmp_path / "predictor"))


def test_a_predictor_is_opened(directory: Path) -> None:
    assert load_predictor(directory).label == "bought"


def test_a_directory_without_a_predictor_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(TrainingRefused, match=r"not a predictor of AutoGluon; there is no predictor\.pkl in it"):
            load_predictor(path)


def test_another_version_is_refused_before_anything_is_unpickled(directory: Path, tmp_path: Path) -> None:
    (directory / "version.txt").write_text("1.5.0", encoding="utf-8")
    (directory / "predictor.pkl").write_bytes(pickle.dumps(RunsOnUnpickling(tmp_path / "ran")))
    with pytest.raises(TrainingRefused, match=r"saved by AutoGluon 1\.5\.0; \d\S+ is installed"):
        load_predictor(directory)
    assert not (tmp_path / "ran").exists()


def test_another_python_is_refused(directory: Path) -> None:
    metadata = json.loads((directory / "metadata.json").read_text(encoding="utf-8"))
    (directory / "metadata.json").write_text(json.dumps({**metadata, "py_version": "3.8"}), encoding="utf-8")
    with pytest.raises(TrainingRefused, match=r"saved under Python 3\.8; this is 3\.\d+, and only the same version"):
        load_predictor(directory)


@pytest.mark.parametrize("name", ["version.txt", "metadata.json"])
def test_a_predictor_that_does_not_say_its_version_is_refused(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(TrainingRefused, match="does not say which version of AutoGluon saved it"):
        load_predictor(directory)


def test_a_damaged_model_is_refused(directory: Path) -> None:
    for path in directory.glob("models/*/**/model.pkl"):
        path.write_bytes(b"damaged")
    with pytest.raises(TrainingRefused, match=r"the predictor cannot be loaded \(UnpicklingError\)"):
        load_predictor(directory)


def test_a_predictor_that_was_never_fitted_is_refused(tmp_path: Path) -> None:
    predictor = TabularPredictor(label="bought", path=str(tmp_path / "predictor"), verbosity=0)
    predictor.save(silent=True)
    with pytest.raises(TrainingRefused, match="the predictor"):
        load_predictor(tmp_path / "predictor")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": 1})[:-3]])
def test_a_damaged_predictor_is_refused(directory: Path, content: bytes) -> None:
    (directory / "predictor.pkl").write_bytes(content)
    with pytest.raises(TrainingRefused, match="the predictor cannot be loaded"):
        load_predictor(directory)
