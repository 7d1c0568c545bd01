"""A predictor as two releases: as it is published, and the same without its plan, so that AutoGluon answers."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogluon.tabular import TabularPredictor

from app.release.files import read_json, write_json
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST
from tests.bench.models.subjects import SubjectData
from tests.builders import make_release

_ROOT = Path(__file__).resolve().parents[3]
_PLAN = "plan"
_HELD_OUT_ROWS = 500
# Code that decides what a release holds.
_SOURCES = ("app/release", "app/runtime", "app/training/publication*")


def publish(predictor: Path, data: SubjectData, store: Path, *, name: str) -> None:
    """Make a store with one active release. It appears when it is whole."""
    unfinished = store.with_name(f"{store.name}.{os.getpid()}")
    held_out = data.held_out.head(_HELD_OUT_ROWS)
    loaded = TabularPredictor.load(str(predictor), verbosity=0)
    make_release(ReleaseStore(unfinished), loaded, held_out, train_data=data.train, name=name)
    unfinished.rename(store)


def copy_without_plan(store: Path, copy: Path) -> None:
    """Copy a store whose one release then has no plan; the files themselves are shared by hard links."""
    unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
    shutil.copytree(store, unfinished, copy_function=os.link)
    (release,) = (unfinished / version for version in ReleaseStore(unfinished).versions())
    shutil.rmtree(release / _PLAN, ignore_errors=True)
    manifest: Any = read_json(release / MANIFEST)
    manifest["files"] = {path: entry for path, entry in manifest["files"].items() if not path.startswith(f"{_PLAN}/")}
    write_json(release / MANIFEST, manifest)
    unfinished.rename(copy)


def find_release(store: Path) -> Path:
    pointer = ReleaseStore(store).active()
    assert pointer is not None, f"nothing is active in {store}"
    return ReleaseStore(store).directory(pointer.version)


def has_plan(store: Path) -> bool:
    return (find_release(store) / _PLAN).is_dir()


def compute_digest(predictor: Path) -> str:
    """A name for what a release is made of: the predictor, and the code that writes releases."""
    digest = hashlib.sha256()
    for path in _list_ingredients(predictor):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _list_ingredients(predictor: Path) -> Iterator[Path]:
    yield predictor / "predictor.pkl"
    for pattern in _SOURCES:
        for place in sorted(_ROOT.glob(pattern)):
            yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]
