from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.manifest import Manifest
from app.release.signing import Signer
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST, verify_files
from tests.manifests import make_manifest


def publish(store: ReleaseStore, content: str = "model") -> Manifest:
    with store.staging() as staged:
        (staged / "native").mkdir()
        (staged / "native" / "predictor.pkl").write_text(content)
        (staged / "schema.json").write_text("{}")
        return store.publish(staged, make_manifest())


def test_versions_are_numbered_from_1_and_listed_in_the_order_of_publication(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    assert [publish(store).version for _ in range(11)] == store.versions()
    assert store.versions()[-2:] == ["10", "11"]


def test_a_published_release_lists_every_file_with_size_and_digest(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    manifest = publish(store, "abc")
    assert sorted(manifest.files) == ["native/predictor.pkl", "schema.json"]
    assert manifest.files["native/predictor.pkl"].size == 3
    assert store.manifest("1") == manifest


def test_what_completes_a_release_knows_its_number_and_files_and_is_listed_itself(tmp_path: Path) -> None:
    def write_card(staged: Path, manifest: Manifest, signed_by: str | None) -> None:
        (staged / "card.html").write_text(f"{manifest.version} {manifest.created} {sorted(manifest.files)} {signed_by}")

    signer = Signer.generate()
    store = ReleaseStore(tmp_path, signer=signer)
    with store.staging() as staged:
        (staged / "schema.json").write_text("{}")
        manifest = store.publish(staged, make_manifest(), complete=write_card)
    assert sorted(manifest.files) == ["card.html", "schema.json"]
    assert store.verify("1") == manifest
    written = (store.directory("1") / "card.html").read_text()
    assert written == f"1 {manifest.created} ['schema.json'] {signer.public_key.id}"


def test_a_publication_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    with pytest.raises(FileNotFoundError), store.staging() as staged:
        (staged / "native" / "half").write_text("")
    assert store.versions() == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".staging")] == []


def test_staging_left_by_a_killed_process_is_removed_a_day_later(tmp_path: Path) -> None:
    abandoned, fresh = tmp_path / ".staging-old", tmp_path / ".staging-new"
    abandoned.mkdir()
    fresh.mkdir()
    day_before_yesterday = time.time() - 2 * 86400
    os.utime(abandoned, (day_before_yesterday, day_before_yesterday))
    publish(ReleaseStore(tmp_path))
    assert not abandoned.exists()
    assert fresh.exists()


def _publish_some(path: Path) -> None:
    for _ in range(5):
        publish(ReleaseStore(path))


def test_processes_that_publish_at_once_never_share_a_number(tmp_path: Path) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=_publish_some, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    store = ReleaseStore(tmp_path)
    assert store.versions() == [str(number) for number in range(1, 16)]
    for version in store.versions():
        verify_files(store.directory(version), store.manifest(version))


def test_activation_replaces_the_pointer_and_remembers_what_was_before(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    publish(store)
    publish(store)
    assert store.active() is None
    store.activate("1")
    store.activate("2")
    store.activate("2")
    pointer = store.active()
    assert pointer is not None
    assert (pointer.version, pointer.previous) == ("2", "1")
    assert [entry["version"] for entry in pointer.history] == ["1", "2", "2"]


def test_activating_a_version_changes_the_stamp_that_followers_watch(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    publish(store)
    stamps = [store.pointer_stamp()]
    for _ in range(2):
        store.activate("1")
        stamps.append(store.pointer_stamp())
    assert len(set(stamps)) == 3


@pytest.mark.parametrize("version", ["2", "0", "01", "../1", "1/native", "", "ACTIVE", "１"])
def test_a_version_that_does_not_exist_is_refused(tmp_path: Path, version: str) -> None:
    store = ReleaseStore(tmp_path)
    publish(store)
    with pytest.raises(ReleaseUnusable, match="no version"):
        store.activate(version)


def flip_a_byte(directory: Path) -> None:
    (directory / "native" / "predictor.pkl").write_text("mudel")


def truncate(directory: Path) -> None:
    (directory / "native" / "predictor.pkl").write_text("mod")


def remove_a_file(directory: Path) -> None:
    (directory / "native" / "predictor.pkl").unlink()


def add_a_file(directory: Path) -> None:
    (directory / "native" / "extra.pkl").write_text("")


def replace_by_a_link(directory: Path) -> None:
    target = directory.parent / "elsewhere"
    (directory / "native" / "predictor.pkl").rename(target)
    (directory / "native" / "predictor.pkl").symlink_to(target)


def add_a_linked_directory(directory: Path) -> None:
    (directory / "native" / "more").symlink_to(directory.parent)


def damage_the_manifest(directory: Path) -> None:
    (directory / MANIFEST).write_bytes(b"{")


def list_a_file_outside(directory: Path) -> None:
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    (directory.parent / "outside").write_text("model")
    manifest["files"]["../outside"] = manifest["files"]["native/predictor.pkl"]
    (directory / MANIFEST).write_bytes(orjson.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "was altered"),
        (truncate, "has 3 bytes in place of 5"),
        (remove_a_file, "is missing"),
        (add_a_file, "does not belong"),
        (replace_by_a_link, "not a plain file"),
        (add_a_linked_directory, "does not belong"),
        (damage_the_manifest, "damaged"),
        (list_a_file_outside, "is missing"),
    ],
)
def test_a_damaged_release_cannot_be_activated_and_the_active_one_stays(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    store = ReleaseStore(tmp_path)
    publish(store)
    publish(store)
    store.activate("1")
    damage(store.directory("2"))
    with pytest.raises(ReleaseUnusable, match=reason):
        store.activate("2")
    pointer = store.active()
    assert pointer is not None
    assert pointer.version == "1"


def test_a_damaged_pointer_is_named_and_repaired_by_the_next_activation(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path)
    publish(store)
    (tmp_path / "ACTIVE").write_text('{"version": ')
    with pytest.raises(ReleaseUnusable, match="pointer"):
        store.active()
    store.activate("1")
    pointer = store.active()
    assert pointer is not None
    assert pointer.version == "1"
