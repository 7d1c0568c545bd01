"""Nothing of a release is opened before its signature, its number and all of its files were found to be good."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import ReleaseUnusable
from app.release.signing import Signer, Trust
from app.release.store import NATIVE, ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE
from app.runtime.loading import load_release
from tests.manifests import TRUST, sign_again
from tests.runtime.test_loading import make_bomb, rewrite


@pytest.fixture
def armed(store: ReleaseStore) -> Path:
    """A signed release whose predictor makes a file when it is unpickled."""
    directory = store.directory("1")
    rewrite(directory, f"{NATIVE}!predictor.pkl", make_bomb(directory.parent / "exploded"))
    sign_again(directory)
    return directory


def flip(name: str) -> Callable[[Path], None]:
    def flip_middle_byte(directory: Path) -> None:
        content = bytearray((directory / name).read_bytes())
        content[len(content) // 2] ^= 1
        (directory / name).write_bytes(content)

    return flip_middle_byte


def cut(name: str) -> Callable[[Path], None]:
    def cut_last_byte(directory: Path) -> None:
        (directory / name).write_bytes((directory / name).read_bytes()[:-1])

    return cut_last_byte


def add_a_file(directory: Path) -> None:
    (directory / "extra").write_text("")


def link_the_predictor(directory: Path) -> None:
    (directory / NATIVE).rename(directory.parent / NATIVE)
    (directory / NATIVE).symlink_to(directory.parent / NATIVE)


def remove_the_signature(directory: Path) -> None:
    (directory / SIGNATURE).unlink()


def sign_with_another_key(directory: Path) -> None:
    (directory / SIGNATURE).write_bytes(Signer.generate().sign((directory / MANIFEST).read_bytes()))


DAMAGES = {
    **{f"flipped {name}": flip(name) for name in (MANIFEST, SIGNATURE, "schema.json", "golden.json", NATIVE)},
    **{f"cut {name}": cut(name) for name in (MANIFEST, SIGNATURE, "schema.json", "golden.json", NATIVE)},
    "a file too many": add_a_file,
    "a link": link_the_predictor,
    "no signature": remove_the_signature,
    "another key": sign_with_another_key,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_bomb_in_a_damaged_release_never_runs(armed: Path, damage: Callable[[Path], None]) -> None:
    damage(armed)
    with pytest.raises(ReleaseUnusable):
        load_release(armed, trust=TRUST)
    assert not (armed.parent / "exploded").exists()


def test_a_bomb_in_an_old_release_that_poses_as_another_never_runs(armed: Path) -> None:
    shutil.copytree(armed, armed.parent / "2")
    with pytest.raises(ReleaseUnusable, match="its manifest is that of version '1'"):
        load_release(armed.parent / "2", trust=TRUST)
    assert not (armed.parent / "exploded").exists()


def test_a_release_of_nobody_trusted_is_not_opened_even_when_it_is_whole(armed: Path) -> None:
    with pytest.raises(ReleaseUnusable, match="signed with a key that is not trusted here"):
        load_release(armed, trust=Trust())
    assert not (armed.parent / "exploded").exists()


def test_the_bomb_of_these_tests_runs_when_its_release_is_trusted(armed: Path) -> None:
    with pytest.raises(ReleaseUnusable, match="AutoGluon could not load the model"):
        load_release(armed, trust=TRUST)
    assert (armed.parent / "exploded").exists()
