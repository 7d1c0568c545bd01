from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.files import compute_sha256
from app.release.golden import GoldenRows
from app.release.schema import FeatureSchema
from app.release.signing import TRUST_ANYONE
from app.release.store import NATIVE, ReleaseStore
from app.release.verification import MANIFEST, verify_files
from app.runtime.loading import load_release, replay_golden_rows
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.api.builders import FEATURES, ROW
from tests.release.archives import rewrite_member


def edit_manifest(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    change(manifest)
    (directory / MANIFEST).write_bytes(orjson.dumps(manifest))


def rewrite(directory: Path, path: str, content: bytes) -> None:
    """Replace a file, or one inside the archive of the predictor, and make the manifest vouch for it."""
    archived, _, member = path.partition("!")
    if member:
        rewrite_member(directory / archived, member, content)
    else:
        (directory / path).write_bytes(content)

    def vouch(manifest: dict[str, Any]) -> None:
        size = (directory / archived).stat().st_size
        manifest["files"][archived] = {"size": size, "sha256": compute_sha256(directory / archived)}

    edit_manifest(directory, vouch)


def test_a_sound_release_loads_and_stays_as_it_was(store: ReleaseStore) -> None:
    directory = store.directory("1")
    release = load_release(directory, trust=TRUST_ANYONE)
    assert release.manifest.name == "shop"
    verify_files(directory, release.manifest)


def test_another_library_version_is_refused_before_anything_is_unpickled(store: ReleaseStore) -> None:
    directory = store.directory("1")
    edit_manifest(directory, lambda manifest: manifest["libraries"].update({"autogluon.tabular": "1.5.0"}))
    rewrite(directory, f"{NATIVE}!predictor.pkl", make_bomb(directory.parent / "exploded"))
    with pytest.raises(ReleaseUnusable, match=r"made with autogluon\.tabular 1\.5\.0"):
        load_release(directory, trust=TRUST_ANYONE)
    assert not (directory.parent / "exploded").exists()


class _Bomb:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def make_bomb(path: Path) -> bytes:
    return pickle.dumps(_Bomb(path))


def test_an_altered_pickle_is_refused_without_being_opened(store: ReleaseStore) -> None:
    directory = store.directory("1")
    rewrite_member(directory / NATIVE, "predictor.pkl", make_bomb(directory.parent / "exploded"))
    with pytest.raises(ReleaseUnusable, match=r"native\.tar\.zst"):
        load_release(directory, trust=TRUST_ANYONE)
    assert not (directory.parent / "exploded").exists()


def test_the_bomb_of_these_tests_is_live(tmp_path: Path) -> None:
    pickle.loads(make_bomb(tmp_path / "exploded"))  # noqa: S301
    assert (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (NATIVE, b"no archive", r"native\.tar\.zst is not compressed as it should be"),
        (f"{NATIVE}!predictor.pkl", b"no pickle", "AutoGluon could not load the model"),
        (f"{NATIVE}!models/trainer.pkl", b"", "AutoGluon could not load the model"),
        ("schema.json", b"{}", "schema.json is missing or damaged"),
        ("schema.json", b"[", "schema.json is missing or damaged"),
        ("golden.json", b"{}", "golden rows cannot be read"),
        ("golden.json", b'{"rows": [{}], "labels": ["no"], "probabilities": null}', "do not fit its schema"),
    ],
)
def test_a_release_with_vouched_nonsense_is_refused_with_one_sentence(
    store: ReleaseStore, path: str, content: bytes, reason: str
) -> None:
    rewrite(store.directory("1"), path, content)
    with pytest.raises(ReleaseUnusable, match=reason) as refused:
        load_release(store.directory("1"), trust=TRUST_ANYONE)
    assert "\n" not in str(refused.value)


def test_a_model_that_answers_otherwise_than_at_publication_is_refused(store: ReleaseStore) -> None:
    directory = store.directory("1")
    golden = orjson.loads((directory / "golden.json").read_bytes())
    golden["probabilities"][2] = {name: value + 1e-4 for name, value in golden["probabilities"][2].items()}
    rewrite(directory, "golden.json", orjson.dumps(golden))
    with pytest.raises(ReleaseUnusable, match="golden row 2 has other probabilities"):
        load_release(directory, trust=TRUST_ANYONE)


class QuotingExecutor:
    """A model that fails on a row and says on which."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        raise ValueError(f"cannot convert {rows!r}")


def test_a_failure_on_golden_rows_does_not_quote_them() -> None:
    schema = FeatureSchema(FEATURES)
    golden = GoldenRows(rows=[ROW], labels=["Yes"], probabilities=None)
    with pytest.raises(ReleaseUnusable) as refused:
        replay_golden_rows(QuotingExecutor(), schema, golden, name="3")
    assert str(refused.value) == "Version 3: its golden rows could not be predicted (ValueError)."
    assert "Month-to-month" in str(refused.value.__cause__)
