"""Whatever is done to a published release, it is refused, and refused before anything of it is parsed."""

from __future__ import annotations

import os
import random
import shutil
import socket
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from app.errors import ReleaseUnusable
from app.release.files import list_files
from app.release.signing import Signer, Trust
from app.release.store import ReleaseStore
from app.release.verification import MANIFEST, SIGNATURE, list_file_faults, read_manifest, verify_release
from tests.manifests import SIGNER, TRUST, make_manifest, sign_again

FLIPS_PER_FILE = 4
TRUNCATIONS_PER_FILE = 2
# More than any part of verification may hold; far less than the files that it is shown.
MOST_BYTES_HELD = 8_000_000


@pytest.fixture
def small(tmp_path: Path) -> ReleaseStore:
    """A store with two signed versions that differ in one file."""
    store = ReleaseStore(tmp_path / "small", trust=TRUST, signer=SIGNER)
    for content in ("one", "two"):
        with store.staging() as staged:
            (staged / "plan").mkdir()
            (staged / "plan" / "plan.json").write_text(content)
            (staged / "schema.json").write_text("{}")
            store.publish(staged, make_manifest())
    return store


def refuse(directory: Path, trust: Trust = TRUST) -> str:
    with pytest.raises(ReleaseUnusable) as refused:
        verify_release(directory, trust)
    return str(refused.value)


def test_a_release_as_it_was_published_is_verified(plan_store: ReleaseStore) -> None:
    manifest = verify_release(plan_store.directory("1"), TRUST)
    assert set(manifest.files) == set(list_files(plan_store.directory("1"))) - {MANIFEST, SIGNATURE}


def test_a_flipped_bit_anywhere_is_found(plan_store: ReleaseStore) -> None:
    directory, chooser = plan_store.directory("1"), random.Random(7)
    for name in list_files(directory):
        content = (directory / name).read_bytes()
        for place in [chooser.randrange(len(content)) for _ in range(FLIPS_PER_FILE)]:
            with (directory / name).open("r+b") as file:
                file.seek(place)
                file.write(bytes([content[place] ^ 1 << chooser.randrange(8)]))
            assert refuse(directory), (name, place)
        (directory / name).write_bytes(content)
    verify_release(directory, TRUST)


def test_a_file_cut_short_or_made_longer_is_found(plan_store: ReleaseStore) -> None:
    directory, chooser = plan_store.directory("1"), random.Random(8)
    for name in list_files(directory):
        content = (directory / name).read_bytes()
        for length in [0, *(chooser.randrange(len(content)) for _ in range(TRUNCATIONS_PER_FILE))]:
            (directory / name).write_bytes(content[:length])
            assert refuse(directory), (name, length)
        (directory / name).write_bytes(content + b"\0")
        assert refuse(directory), name
        (directory / name).write_bytes(content)
    verify_release(directory, TRUST)


def remove_signature(directory: Path) -> None:
    (directory / SIGNATURE).unlink()


def take_signature_of_the_other(directory: Path) -> None:
    shutil.copy(directory.parent / "2" / SIGNATURE, directory / SIGNATURE)


def take_manifest_of_the_other(directory: Path) -> None:
    shutil.copy(directory.parent / "2" / MANIFEST, directory / MANIFEST)


def pose_as_the_other(directory: Path) -> None:
    shutil.rmtree(directory)
    shutil.copytree(directory.parent / "2", directory)


def link_the_directory(directory: Path) -> None:
    directory.rename(directory.parent / "elsewhere")
    directory.symlink_to(directory.parent / "elsewhere")


def link_a_directory(directory: Path) -> None:
    (directory / "plan").rename(directory.parent / "plan")
    (directory / "plan").symlink_to(directory.parent / "plan")


def link_a_file(directory: Path) -> None:
    (directory / "schema.json").rename(directory.parent / "schema.json")
    (directory / "schema.json").symlink_to(directory.parent / "schema.json")


def link_the_manifest(directory: Path) -> None:
    (directory / MANIFEST).rename(directory.parent / MANIFEST)
    (directory / MANIFEST).symlink_to(directory.parent / MANIFEST)


def link_the_signature(directory: Path) -> None:
    (directory / SIGNATURE).rename(directory.parent / SIGNATURE)
    (directory / SIGNATURE).symlink_to(directory.parent / SIGNATURE)


def add_a_file(directory: Path) -> None:
    (directory / "plan" / "more.json").write_text("{}")


def add_a_manifest_below(directory: Path) -> None:
    (directory / "plan" / MANIFEST).write_text("{}")


def add_an_empty_directory(directory: Path) -> None:
    (directory / "native").mkdir()


def add_a_name_that_writes_to_a_terminal(directory: Path) -> None:
    (directory / "a\x1b[2J\nb").write_text("")


def replace_a_file_by_a_fifo(directory: Path) -> None:
    (directory / "schema.json").unlink()
    os.mkfifo(directory / "schema.json")


def replace_the_manifest_by_a_fifo(directory: Path) -> None:
    (directory / MANIFEST).unlink()
    os.mkfifo(directory / MANIFEST)


def replace_the_signature_by_a_fifo(directory: Path) -> None:
    (directory / SIGNATURE).unlink()
    os.mkfifo(directory / SIGNATURE)


def replace_a_file_by_a_socket(directory: Path) -> None:
    (directory / "schema.json").unlink()
    here = Path.cwd()
    # The path of a socket may have 108 bytes at most.
    os.chdir(directory)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("schema.json")
    finally:
        os.chdir(here)


def replace_the_manifest_by_a_directory(directory: Path) -> None:
    (directory / MANIFEST).unlink()
    (directory / MANIFEST).mkdir()


def sign_with_another_key(directory: Path) -> None:
    (directory / SIGNATURE).write_bytes(Signer.generate().sign((directory / MANIFEST).read_bytes()))


def rename_in_a_signed_manifest(directory: Path) -> None:
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    (directory / MANIFEST).write_bytes(orjson.dumps({**manifest, "version": "../1"}))
    sign_again(directory)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (remove_signature, "Version 1 is refused: it is not signed. If you published it yourself, sign it with: glu"),
        (take_signature_of_the_other, "Version 1 is refused: its manifest was altered after it was signed."),
        (take_manifest_of_the_other, "Version 1 is refused: its manifest was altered after it was signed."),
        (sign_with_another_key, "Version 1 is refused: it was signed with a key that is not trusted here ("),
        (pose_as_the_other, "Version 1: its manifest is that of version '2'."),
        (rename_in_a_signed_manifest, "Version 1: its manifest is that of version '../1'."),
        (link_the_directory, "Version 1: its directory is a link."),
        (link_a_directory, "Version 1: plan does not belong to the release."),
        (link_a_file, "Version 1: schema.json is not a plain file."),
        (link_the_manifest, "Version 1: manifest.json is not a plain file."),
        (link_the_signature, "Version 1: manifest.sig is not a plain file."),
        (add_a_file, "Version 1: plan/more.json does not belong to the release."),
        (add_a_manifest_below, "Version 1: plan/manifest.json does not belong to the release."),
        (add_an_empty_directory, "Version 1: native does not belong to the release."),
        (add_a_name_that_writes_to_a_terminal, r"Version 1: 'a\x1b[2J\nb' does not belong to the release."),
        (replace_a_file_by_a_fifo, "Version 1: schema.json is not a plain file."),
        (replace_the_manifest_by_a_fifo, "Version 1: manifest.json is not a plain file."),
        (replace_the_signature_by_a_fifo, "Version 1: manifest.sig is not a plain file."),
        (replace_a_file_by_a_socket, "Version 1: schema.json is not a plain file."),
        (replace_the_manifest_by_a_directory, "Version 1: manifest.json is not a plain file."),
    ],
)
def test_what_was_published_otherwise_is_refused(
    small: ReleaseStore, damage: Callable[[Path], None], reason: str
) -> None:
    directory = small.directory("1")
    damage(directory)
    refused: list[str] = []
    # In a thread that ends with the process: opening a FIFO would wait for good.
    looking = threading.Thread(target=lambda: refused.append(refuse(directory)), daemon=True)
    looking.start()
    looking.join(timeout=30)
    assert [sentence[: len(reason)] for sentence in refused] == [reason]


def test_all_that_differs_is_listed_with_names_and_sizes_before_contents(small: ReleaseStore) -> None:
    directory = small.directory("1")
    (directory / "plan" / "plan.json").write_text("eno")
    add_a_file(directory)
    (directory / "schema.json").unlink()
    assert list(list_file_faults(directory, read_manifest(directory, TRUST))) == [
        "plan/more.json does not belong to the release",
        "schema.json is missing",
        "plan/plan.json was altered after publication (its SHA-256 differs)",
    ]


def test_the_content_of_what_will_not_be_opened_is_not_read_but_its_size_is(small: ReleaseStore) -> None:
    directory = small.directory("1")
    (directory / "schema.json").write_text("[]")
    verify_release(directory, TRUST, unopened="schema.json")
    (directory / "schema.json").write_text("[0]")
    with pytest.raises(ReleaseUnusable, match="has 3 bytes in place of 2"):
        verify_release(directory, TRUST, unopened="schema.json")


def measure_peak(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", [MANIFEST, SIGNATURE, "schema.json", "added"])
def test_a_file_of_2_gb_is_refused_without_being_held(small: ReleaseStore, name: str) -> None:
    with (small.directory("1") / name).open("ab") as file:
        file.truncate(2_000_000_000)
    assert measure_peak(lambda: refuse(small.directory("1"))) < MOST_BYTES_HELD


def test_a_large_file_is_digested_in_constant_memory(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path, trust=TRUST, signer=SIGNER)
    with store.staging() as staged:
        with (staged / "large").open("wb") as file:
            file.truncate(200_000_000)
        store.publish(staged, make_manifest())
    assert measure_peak(lambda: store.verify("1")) < MOST_BYTES_HELD


def test_many_added_files_are_not_collected(small: ReleaseStore) -> None:
    for number in range(20_000):
        os.close(os.open(small.directory("1") / f"{number}{'x' * 200}", os.O_CREAT | os.O_WRONLY))
    assert measure_peak(lambda: refuse(small.directory("1"))) < 1_000_000
