"""A damaged version is refused by a running server, whose callers notice nothing; nothing of it is unpickled.

Version 2 carries a bomb: a predictor that makes a file when it is unpickled. DAMAGED_PLACES=200 in the environment
damages so many places where otherwise six are.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import orjson
import pytest

from app.release.files import list_files
from app.release.golden import read_golden_rows
from app.release.signing import Signer
from app.release.store import GOLDEN, NATIVE, ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE
from tests.bench.switching.judging import ExpectedAnswer, Faults
from tests.bench.switching.operator import Operator
from tests.flows.traffic import READY_SECONDS, KnownAnswers, Load, load_on
from tests.manifests import copy_version, sign_again
from tests.runtime.test_loading import edit_manifest, make_bomb, rewrite
from tests.server import RunningServer, wait_until

PLACES = int(os.environ.get("DAMAGED_PLACES", "6"))
RATE = 15
EXPLODED = "exploded"
NO_FAULTS = Faults(failed=[], mixed=[], old=[])

Damage = Callable[[Path], None]
ApplyLoad = Callable[[], AbstractContextManager[Load]]


def add_a_file(directory: Path) -> None:
    (directory / "extra").write_text("")


def link_the_predictor(directory: Path) -> None:
    (directory / NATIVE).rename(directory.parent / "elsewhere")
    (directory / NATIVE).symlink_to(directory.parent / "elsewhere")


def remove_the_signature(directory: Path) -> None:
    (directory / SIGNATURE).unlink()


def sign_with_another_key(directory: Path) -> None:
    (directory / SIGNATURE).write_bytes(Signer.generate().sign((directory / MANIFEST).read_bytes()))


def take_the_manifest_of_version_1(directory: Path) -> None:
    for name in (MANIFEST, SIGNATURE):
        shutil.copy(directory.parent / "1" / name, directory / name)


def need_other_libraries(directory: Path) -> None:
    edit_manifest(directory, lambda manifest: manifest["libraries"].update({"autogluon.tabular": "1.5.0"}))
    sign_again(directory)


def expect_other_answers(directory: Path) -> None:
    """Of version 1 as it is, without a bomb, but for its golden rows."""
    shutil.rmtree(directory)
    copy_version(ReleaseStore(directory.parent), "1", "2")
    golden = orjson.loads((directory / GOLDEN).read_bytes())
    golden["probabilities"][0] = dict.fromkeys(golden["probabilities"][0], 0.5)
    rewrite(directory, GOLDEN, orjson.dumps(golden))
    sign_again(directory)


def leave_it_as_it_is(directory: Path) -> None:
    """No damage at all."""


DAMAGES: dict[str, tuple[Damage, str]] = {
    "extra file": (add_a_file, "extra does not belong to the release"),
    "link": (link_the_predictor, f"{NATIVE} is not a plain file"),
    "no signature": (remove_the_signature, "is not signed"),
    "another key": (sign_with_another_key, "signed with a key that is not trusted here"),
    "another version's manifest": (take_the_manifest_of_version_1, "its manifest is that of version '1'"),
    "other libraries, signed": (need_other_libraries, "made with autogluon.tabular 1.5.0"),
}


def flip_a_byte(chooser: random.Random) -> Damage:
    def flip(directory: Path) -> None:
        path = directory / chooser.choice(list(list_files(directory)))
        content = bytearray(path.read_bytes())
        content[chooser.randrange(len(content))] ^= 1 << chooser.randrange(8)
        path.write_bytes(content)

    return flip


def cut_short(chooser: random.Random) -> Damage:
    def cut(directory: Path) -> None:
        path = directory / chooser.choice(list(list_files(directory)))
        with path.open("r+b") as file:
            file.truncate(chooser.randrange(path.stat().st_size))

    return cut


class Target:
    """Version 2 of a store, and a sound copy of it."""

    def __init__(self, store: ReleaseStore) -> None:
        copy_version(store, "1", "2")
        self._directory = store.directory("2")
        self._bomb = store.path / EXPLODED
        rewrite(self._directory, f"{NATIVE}!predictor.pkl", make_bomb(self._bomb))
        sign_again(self._directory)
        self._sound = store.path.parent / "sound"
        shutil.copytree(self._directory, self._sound)

    def call_for(self, operator: Operator, damage: Damage) -> str:
        """Damage the version, call for it and mend it; return the sentence with which it was refused."""
        damage(self._directory)
        call = operator.activate("2")
        shutil.rmtree(self._directory)
        shutil.copytree(self._sound, self._directory)
        assert (call.status, call.document["error"]) == (422, "release_refused"), call
        return str(call.document["detail"])

    def has_exploded(self) -> bool:
        """Tell it once."""
        exploded = self._bomb.exists()
        self._bomb.unlink(missing_ok=True)
        return exploded


@pytest.fixture(scope="module")
def target(shared_home: Path) -> Target:
    return Target(ReleaseStore(shared_home / "models"))


@pytest.fixture
def apply_load(server: RunningServer, shared_home: Path, make_key: Callable[..., str]) -> ApplyLoad:
    """Load on the server with version 1, whose answers are those of publication; any other is found."""
    wait_until(server.is_ready, seconds=READY_SECONDS)
    store, key = ReleaseStore(shared_home / "models"), make_key(shared_home, "predict", "admin")
    golden = read_golden_rows(store.directory("1") / GOLDEN)
    answers = zip(golden.labels, golden.probabilities or golden.labels, strict=True)
    known = KnownAnswers(golden.rows, {"1": [ExpectedAnswer(label, numbers) for label, numbers in answers]})
    return lambda: load_on(server, store, key, known, rate=RATE)


def check_nobody_noticed(load: Load, target: Target) -> None:
    assert not target.has_exploded()
    assert load.operator.read_active() == "1"
    assert load.faults == NO_FAULTS
    assert set(load.count_versions()) == {"1"}


def test_a_flipped_byte_and_a_file_cut_short_anywhere_are_refused(apply_load: ApplyLoad, target: Target) -> None:
    chooser = random.Random(11)
    damages = [flip_a_byte(chooser) for _ in range(PLACES)] + [cut_short(chooser) for _ in range(PLACES // 4)]
    with apply_load() as load:
        sentences = [target.call_for(load.operator, damage) for damage in damages]
    assert all(sentence.startswith("Version 2") for sentence in sentences)
    check_nobody_noticed(load, target)


def test_whatever_else_is_wrong_with_a_version_is_refused_with_the_reason(
    apply_load: ApplyLoad, target: Target
) -> None:
    with apply_load() as load:
        sentences = {name: target.call_for(load.operator, damage) for name, (damage, _) in DAMAGES.items()}
    assert {name: reason for name, (_, reason) in DAMAGES.items() if reason not in sentences[name]} == {}
    check_nobody_noticed(load, target)


def test_golden_rows_with_other_answers_are_refused_although_a_trusted_key_has_signed_them(
    apply_load: ApplyLoad, target: Target
) -> None:
    with apply_load() as load:
        sentence = target.call_for(load.operator, expect_other_answers)
    assert "golden row 0 has other probabilities than at publication" in sentence
    check_nobody_noticed(load, target)


def test_the_bomb_of_these_tests_runs_where_a_trusted_key_has_signed_it(apply_load: ApplyLoad, target: Target) -> None:
    with apply_load() as load:
        sentence = target.call_for(load.operator, leave_it_as_it_is)
    assert "AutoGluon could not load the model" in sentence
    assert target.has_exploded()
    # It ran in the process of the trial: the server did not feel that either.
    check_nobody_noticed(load, target)
