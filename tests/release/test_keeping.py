"""Versions that leave the store, and versions that are vouched for later."""

from __future__ import annotations

import logging
import mmap
import shutil
from pathlib import Path

import pytest

from app.errors import Conflict, ReleaseUnusable
from app.release.candidate import CANDIDATE, CandidatePointer, write_candidate
from app.release.pointer import activating
from app.release.signing import Signer, Trust
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE
from tests.manifests import SIGNER, TRUST, make_manifest


def publish(store: ReleaseStore, *, times: int = 1) -> None:
    for _ in range(times):
        with store.staging() as staged:
            (staged / "plan").mkdir()
            (staged / "plan" / "numbers.npy").write_bytes(bytes(range(256)) * 64)
            store.publish(staged, make_manifest())


def try_out(store: ReleaseStore, version: str) -> None:
    write_candidate(
        store.path,
        CandidatePointer(
            version=version, mode="shadow", share=1.0, by="key", since="2026-11-24T00:00:00Z", who="cli:ann", trial="t1"
        ),
    )


def open_store(path: Path, *, keep: int | None = None) -> ReleaseStore:
    return ReleaseStore(path, trust=TRUST, signer=SIGNER, keep=keep)


class TestDelete:
    def test_a_version_is_gone_at_once_and_leaves_nothing(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store, times=2)
        store.delete("1")
        assert store.versions() == ["2"]
        assert sorted(path.name for path in tmp_path.iterdir()) == [".activation.lock", ".last-version", ".lock", "2"]

    @pytest.mark.parametrize(
        ("version", "use"),
        [
            ("1", "the previous one, kept ready for a rollback"),
            ("2", "the active one; activate another version first"),
            ("3", "the candidate; take it back with: gluonserve models withdraw"),
        ],
    )
    def test_a_version_in_use_stays(self, tmp_path: Path, version: str, use: str) -> None:
        store = open_store(tmp_path)
        publish(store, times=3)
        store.activate("1")
        store.activate("2")
        try_out(store, "3")
        with pytest.raises(Conflict) as refused:
            store.delete(version)
        assert (refused.value.detail, refused.value.code) == (
            f"Version {version} stays: it is {use}.",
            "version_in_use",
        )
        assert store.versions() == ["1", "2", "3"]

    def test_nothing_is_deleted_while_a_version_is_being_activated(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store)
        with activating(tmp_path), pytest.raises(Conflict, match="Another activation or rollback is in progress"):
            store.delete("1")
        assert store.versions() == ["1"]

    @pytest.mark.parametrize("damaged", ["ACTIVE", CANDIDATE])
    def test_nothing_is_deleted_while_it_is_not_known_what_is_in_use(self, tmp_path: Path, damaged: str) -> None:
        store = open_store(tmp_path)
        publish(store, times=2)
        (tmp_path / damaged).write_text("{")
        with pytest.raises(ReleaseUnusable, match="cannot be read"):
            store.delete("1")
        assert store.versions() == ["1", "2"]

    @pytest.mark.parametrize("version", ["3", "../1", "ACTIVE", ""])
    def test_a_version_that_does_not_exist_is_refused(self, tmp_path: Path, version: str) -> None:
        store = open_store(tmp_path)
        publish(store)
        with pytest.raises(ReleaseUnusable, match="There is no version"):
            store.delete(version)

    def test_of_a_link_in_place_of_a_version_only_the_link_goes(self, tmp_path: Path) -> None:
        store = open_store(tmp_path / "models")
        publish(store)
        store.directory("1").rename(tmp_path / "elsewhere")
        (store.path / "1").symlink_to(tmp_path / "elsewhere")
        store.delete("1")
        assert sorted(path.name for path in store.path.iterdir()) == [".activation.lock", ".last-version", ".lock"]
        assert (tmp_path / "elsewhere" / MANIFEST).exists()

    def test_the_number_of_a_deleted_version_is_not_given_again(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store, times=2)
        store.delete("2")
        store.delete("1")
        publish(store)
        assert store.versions() == ["3"]

    @pytest.mark.parametrize("content", ["", "many", "-1"])
    def test_numbering_goes_on_from_the_versions_there_are_when_its_record_is_damaged(
        self, tmp_path: Path, content: str
    ) -> None:
        store = open_store(tmp_path)
        publish(store, times=2)
        (tmp_path / ".last-version").write_text(content)
        publish(store)
        assert store.versions() == ["1", "2", "3"]

    def test_who_has_a_file_of_it_mapped_reads_on(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store)
        with (store.directory("1") / "plan" / "numbers.npy").open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        store.delete("1")
        with mapped:
            assert mapped[:] == bytes(range(256)) * 64

    def test_what_a_crash_left_of_a_deletion_is_removed_by_the_next_publication(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store)
        store.directory("1").rename(tmp_path / ".deleted-1")
        assert store.versions() == []
        publish(store)
        assert sorted(path.name for path in tmp_path.iterdir()) == [".last-version", ".lock", "2"]


class TestPrune:
    def test_the_newest_versions_are_kept_after_a_publication(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, keep=3)
        publish(store, times=5)
        assert store.versions() == ["3", "4", "5"]

    def test_active_previous_and_candidate_are_kept_beside_them(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store, times=6)
        store.activate("2")
        store.activate("1")
        try_out(store, "3")
        assert open_store(tmp_path, keep=2).prune() == ["4"]
        assert store.versions() == ["1", "2", "3", "5", "6"]

    def test_an_activation_lets_go_of_what_is_not_needed_any_more(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, keep=2)
        publish(store)
        store.activate("1")
        publish(store, times=3)
        assert store.versions() == ["1", "3", "4"]
        store.activate("3")
        store.activate("4")
        assert store.versions() == ["3", "4"]

    def test_a_publication_during_an_activation_leaves_pruning_to_it(self, tmp_path: Path) -> None:
        store = open_store(tmp_path, keep=2)
        publish(store, times=2)
        with activating(tmp_path):
            publish(store)
            assert store.versions() == ["1", "2", "3"]
            store.point_at("3", by="test")
        assert store.versions() == ["2", "3"]

    def test_all_are_kept_where_nothing_else_is_said(self, tmp_path: Path) -> None:
        store = open_store(tmp_path)
        publish(store, times=4)
        assert store.prune() == []
        assert store.versions() == ["1", "2", "3", "4"]

    def test_a_publication_succeeds_and_nothing_goes_when_it_is_not_known_what_is_in_use(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = open_store(tmp_path, keep=2)
        publish(store, times=2)
        (tmp_path / CANDIDATE).write_text("{")
        with caplog.at_level(logging.WARNING):
            publish(store)
        assert store.versions() == ["1", "2", "3"]
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith(f"Old versions are not removed now: The file {CANDIDATE} of the model store cannot be")


class TestSign:
    def test_a_version_published_unsigned_is_signed_and_opened_from_then_on(self, tmp_path: Path) -> None:
        publish(ReleaseStore(tmp_path))
        store = open_store(tmp_path)
        with pytest.raises(ReleaseUnusable, match="it is not signed"):
            store.verify("1")
        assert store.sign("1") == store.verify("1")
        assert sorted(path.name for path in tmp_path.iterdir()) == [".last-version", ".lock", "1"]

    def test_a_version_is_signed_anew_with_the_next_key(self, tmp_path: Path) -> None:
        publish(open_store(tmp_path))
        following = Signer.generate()
        both = Trust(keys=(SIGNER.public_key, following.public_key))
        ReleaseStore(tmp_path, trust=both, signer=following).sign("1")
        ReleaseStore(tmp_path, trust=Trust(keys=(following.public_key,))).verify("1")

    def test_a_version_signed_by_somebody_unknown_is_not_signed_over(self, tmp_path: Path) -> None:
        publish(ReleaseStore(tmp_path, signer=Signer.generate()))
        before = (tmp_path / "1" / SIGNATURE).read_bytes()
        with pytest.raises(ReleaseUnusable, match="Version 1 is not signed now: it was signed with a key that is not"):
            open_store(tmp_path).sign("1")
        assert (tmp_path / "1" / SIGNATURE).read_bytes() == before

    def test_a_version_whose_files_differ_is_not_signed(self, tmp_path: Path) -> None:
        publish(ReleaseStore(tmp_path))
        (tmp_path / "1" / "plan" / "numbers.npy").write_bytes(b"")
        with pytest.raises(ReleaseUnusable, match="has 0 bytes in place of 16384"):
            open_store(tmp_path).sign("1")
        assert not (tmp_path / "1" / SIGNATURE).exists()

    def test_a_version_that_was_copied_under_another_number_is_not_signed(self, tmp_path: Path) -> None:
        publish(ReleaseStore(tmp_path))
        shutil.copytree(tmp_path / "1", tmp_path / "2")
        with pytest.raises(ReleaseUnusable, match="Version 2: its manifest is that of version '1'"):
            open_store(tmp_path).sign("2")

    def test_nothing_is_signed_without_a_key(self, tmp_path: Path) -> None:
        publish(ReleaseStore(tmp_path))
        with pytest.raises(ReleaseUnusable, match="there is no key to sign with"):
            ReleaseStore(tmp_path, trust=TRUST).sign("1")


def test_empty_directories_of_what_is_staged_do_not_become_part_of_a_release(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.staging() as staged:
        (staged / "native" / "models").mkdir(parents=True)
        (staged / "schema.json").write_text("{}")
        store.publish(staged, make_manifest())
    assert sorted(path.name for path in store.directory("1").iterdir()) == [MANIFEST, SIGNATURE, "schema.json"]
    store.verify("1")
