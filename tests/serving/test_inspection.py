"""All that is wrong with a release, in the order of trust."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.signing import Trust
from app.release.store import PLAN, ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE
from app.serving.inspection import Finding, inspect_release
from tests.manifests import SIGNER, TRUST, make_manifest, make_signer, sign_again
from tests.runtime.test_loading import edit_manifest, rewrite

RESTORE = "Publish it again, or restore its files from a copy."
SIGNED = Finding(
    check="signature",
    outcome="good",
    found=(f"made with key {SIGNER.public_key.id}, which is trusted here",),
)
FITTING = Finding(check="libraries", outcome="good", found=("the installed versions fit",))
NOT_OPENED = Finding(
    check="golden rows",
    outcome="not checked",
    found=("nothing of it is opened as long as its files differ",),
)


def inspect(store: ReleaseStore, *, trust: Trust = TRUST) -> list[Finding]:
    return list(inspect_release(ReleaseStore(store.path, trust=trust), "1"))


@pytest.fixture
def small(tmp_path: Path) -> ReleaseStore:
    """A store with one signed release of two files and nothing that could be loaded."""
    store = ReleaseStore(tmp_path, signer=SIGNER)
    with store.staging() as staged:
        (staged / "schema.json").write_text("{}")
        (staged / "card.html").write_text("<p>")
        store.publish(staged, make_manifest(libraries={}))
    return store


def test_a_good_release_has_one_line_for_each_check(published_plan: ReleaseStore) -> None:
    files = len(published_plan.manifest("1").files)
    assert inspect(published_plan) == [
        SIGNED,
        Finding(check="files", outcome="good", found=(f"{files} files are as they were published",)),
        FITTING,
        Finding(
            check="golden rows",
            outcome="good",
            found=("16 rows are answered as at publication, by its compiled plan",),
        ),
    ]


def test_a_release_without_a_plan_is_answered_by_autogluon(published_store: ReleaseStore) -> None:
    golden = inspect(published_store)[-1]
    assert (golden.outcome, golden.found) == (
        "good",
        ("16 rows are answered as at publication, by AutoGluon itself",),
    )


def test_every_file_that_differs_is_named(small: ReleaseStore) -> None:
    directory = small.directory("1")
    (directory / "card.html").write_text("<q>")
    (directory / "schema.json").unlink()
    os.mkfifo(directory / "pipe")
    assert inspect(small) == [
        SIGNED,
        Finding(
            check="files",
            outcome="wrong",
            found=(
                "pipe does not belong to the release",
                "schema.json is missing",
                "card.html was altered after publication (its SHA-256 differs)",
            ),
            advice=RESTORE,
        ),
        FITTING,
        NOT_OPENED,
    ]


def test_of_very_many_files_that_differ_the_first_are_named(small: ReleaseStore) -> None:
    for number in range(500):
        (small.directory("1") / f"extra-{number}").write_text("")
    files = inspect(small)[1]
    assert len(files.found) == 101
    assert files.found[-1] == "and more than are named here"


def remove_the_signature(directory: Path) -> None:
    (directory / SIGNATURE).unlink()


def sign_with_another_key(directory: Path) -> None:
    (directory / SIGNATURE).write_bytes(OTHER.sign((directory / MANIFEST).read_bytes()))


def alter_the_manifest(directory: Path) -> None:
    (directory / MANIFEST).write_bytes((directory / MANIFEST).read_bytes() + b"\n")


OTHER = make_signer("another")


@pytest.mark.parametrize(
    ("damage", "found", "advice"),
    [
        (
            remove_the_signature,
            "it is not signed",
            "If you published it yourself, sign it with: gluonserve models sign 1",
        ),
        (
            sign_with_another_key,
            f"it was signed with a key that is not trusted here ({OTHER.public_key.id})",
            "If you know whose key that is, add its public key to GLUONSERVE_TRUSTED_KEYS",
        ),
        (
            alter_the_manifest,
            "its manifest was altered after it was signed",
            "Publish it again, or restore its files.",
        ),
    ],
)
def test_without_a_trusted_signature_nothing_is_read_further(
    small: ReleaseStore, damage: Callable[[Path], None], found: str, advice: str
) -> None:
    damage(small.directory("1"))
    assert inspect(small) == [
        Finding(check="signature", outcome="wrong", found=(found,), advice=advice),
        Finding(
            check="files",
            outcome="not checked",
            found=("only a manifest that can be trusted says what they should be",),
        ),
    ]


def test_where_unsigned_releases_are_opened_the_missing_signature_is_told_all_the_same(small: ReleaseStore) -> None:
    remove_the_signature(small.directory("1"))
    signature = inspect(small, trust=Trust(unsigned="allow"))[0]
    assert (signature.outcome, signature.found) == (
        "good",
        ("it is not signed, which GLUONSERVE_UNSIGNED_RELEASES=allow lets pass",),
    )


def test_a_manifest_that_is_missing_or_of_another_version_is_named(small: ReleaseStore) -> None:
    directory = small.directory("1")
    edit_manifest(directory, lambda manifest: manifest.update(version="7"))
    sign_again(directory)
    other = Finding(
        check="manifest",
        outcome="wrong",
        found=("Version 1: its manifest is that of version '7'.",),
        advice=RESTORE,
    )
    assert inspect(small) == [SIGNED, other]
    (directory / MANIFEST).unlink()
    (missing,) = inspect(small)
    assert (missing.check, missing.found) == ("manifest", ("Version 1: manifest.json is missing.",))


def test_every_library_that_does_not_fit_is_named_and_no_predictor_is_opened(store: ReleaseStore) -> None:
    directory = store.directory("1")
    edit_manifest(directory, lambda manifest: manifest.update(libraries={"numpy": "0.9.1", "nothing-such": "1.0"}))
    sign_again(directory)
    libraries, golden = inspect(store)[2:]
    assert (libraries.outcome, libraries.advice) == (
        "wrong",
        "Install these versions, or train and publish again with those here.",
    )
    assert libraries.found[0].startswith("it was made with numpy 0.9.1, installed is ")
    assert libraries.found[1] == "it needs nothing-such 1.0, which is not installed"
    assert (golden.outcome, golden.advice) == ("wrong", "See the library versions above.")


def test_libraries_that_only_autogluon_needs_are_no_fault_of_a_release_whose_plan_runs(
    plan_store: ReleaseStore,
) -> None:
    directory = plan_store.directory("1")
    edit_manifest(directory, lambda manifest: manifest.update(libraries={"nothing-such": "1.0"}))
    sign_again(directory)
    libraries, golden = inspect(plan_store)[2:]
    assert libraries.outcome == golden.outcome == "good"
    assert libraries.found == (
        "its compiled plan runs here; AutoGluon could not answer in its place",
        "it needs nothing-such 1.0, which is not installed",
    )


def answer_otherwise(golden: dict[str, Any]) -> None:
    for position in (2, 5):
        golden["probabilities"][position] = dict.fromkeys(golden["probabilities"][position], 0.5)


def test_golden_rows_that_differ_are_counted(store: ReleaseStore) -> None:
    directory = store.directory("1")
    golden = orjson.loads((directory / "golden.json").read_bytes())
    answer_otherwise(golden)
    rewrite(directory, "golden.json", orjson.dumps(golden))
    sign_again(directory)
    assert inspect(store)[-1] == Finding(
        check="golden rows",
        outcome="wrong",
        found=("Version 1: golden row 2 has other probabilities than at publication; 2 rows differ in all.",),
        advice=RESTORE,
    )


def test_a_plan_that_cannot_be_used_is_told_although_autogluon_answers(plan_store: ReleaseStore) -> None:
    directory = plan_store.directory("1")
    rewrite(directory, f"{PLAN}/plan.json", b"{}")
    sign_again(directory)
    golden = inspect(plan_store)[-1]
    assert golden.outcome == "wrong"
    assert golden.found[0].startswith("Version 1: its plan cannot be used (")
    assert golden.found[1] == "AutoGluon answers 16 rows as at publication, slower than the plan would"
    assert golden.advice == "It can be activated. For the speed of the plan, publish it again."


def test_a_version_that_does_not_exist_is_refused(small: ReleaseStore) -> None:
    with pytest.raises(ReleaseUnusable, match="There is no version '9'"):
        list(inspect_release(small, "9"))
