"""Arrays of a packed plan: unpacked once for all processes, whole or not at all, and never used when altered."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from app.release.archive import ArchiveRefused
from app.release.plan import PLAN_FILE
from app.release.plan.packing import ARRAYS, pack_plan
from app.runtime.plan.arrays import open_array
from app.runtime.plan.unpacking import unpacked_arrays

NODES = np.arange(50_000)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Version 3 of a store, with a plan of two arrays."""
    plan = tmp_path / "models" / "3" / "plan"
    plan.mkdir(parents=True)
    np.save(plan / "forest.nodes.npy", NODES)
    np.save(plan / "forest.values.npy", np.array([0.5]))
    (plan / PLAN_FILE).write_bytes(orjson.dumps({"format": 1, "arrays": None}))
    pack_plan(plan)
    return plan.parent


def read_listing(release: Path) -> Mapping[str, Any]:
    listing: Mapping[str, Any] = orjson.loads((release / "plan" / PLAN_FILE).read_bytes())["arrays"]
    return listing


def read_nodes(release: Path, *, shared: bool = True) -> list[int]:
    place = release.parent / ".unpacked" / release.name if shared else None
    with unpacked_arrays(release / "plan", read_listing(release), shared=place) as arrays:
        nodes = open_array(arrays / "forest.nodes.npy")
    numbers: list[int] = nodes.tolist()
    return numbers


def list_unpacked(release: Path) -> set[str]:
    root = release.parent / ".unpacked"
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


FILLED = {".lock", "3/forest.nodes.npy", "3/forest.values.npy"}


def test_a_packed_plan_is_its_document_and_one_archive(release: Path) -> None:
    assert {path.name for path in (release / "plan").iterdir()} == {PLAN_FILE, ARRAYS}
    assert {name: entry["size"] for name, entry in read_listing(release).items()} == {
        "forest.nodes.npy": 128 + NODES.nbytes,
        "forest.values.npy": 128 + 8,
    }


def test_arrays_are_unpacked_once_and_outlive_their_directory(release: Path) -> None:
    assert read_nodes(release) == NODES.tolist()
    assert list_unpacked(release) == FILLED
    before = (release.parent / ".unpacked" / "3").stat().st_ino
    assert read_nodes(release) == NODES.tolist()
    assert (release.parent / ".unpacked" / "3").stat().st_ino == before


def test_a_process_can_have_arrays_of_its_own(release: Path) -> None:
    assert read_nodes(release, shared=False) == NODES.tolist()
    assert not (release.parent / ".unpacked").exists()


def test_a_plan_that_is_not_packed_is_read_where_it_lies(release: Path) -> None:
    with unpacked_arrays(release / "plan", None, shared=None) as arrays:
        assert arrays == release / "plan"


def test_processes_that_come_at_once_unpack_one_after_the_other(release: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_nodes(release), range(8)))
    assert found == [NODES.tolist()] * 8
    assert list_unpacked(release) == FILLED


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "link"])
def test_unpacked_arrays_that_were_altered_are_replaced(damage: str, release: Path) -> None:
    read_nodes(release)
    path = release.parent / ".unpacked" / "3" / "forest.nodes.npy"
    content = path.read_bytes()
    path.unlink()
    if damage == "flip":
        path.write_bytes(content[:-1] + b"!")
    elif damage == "truncate":
        path.write_bytes(content[:-1])
    elif damage == "link":
        (release / "elsewhere").write_bytes(content)
        path.symlink_to(release / "elsewhere")
    assert read_nodes(release) == NODES.tolist()
    assert list_unpacked(release) == FILLED
    assert not path.is_symlink()
    assert path.read_bytes() == content


# Run in a process of its own: dies when the arrays are unpacked and not yet in their place.
DIE_BEFORE_RENAMING = """
import os, sys
from pathlib import Path
import orjson
from app.runtime.plan import unpacking

plan, place = map(Path, sys.argv[1:])
unpacking._require_listed = lambda directory, listing: os.kill(os.getpid(), 9)
with unpacking.unpacked_arrays(plan, orjson.loads((plan / "plan.json").read_bytes())["arrays"], shared=place):
    pass
"""


def test_a_crash_while_unpacking_leaves_nothing_that_is_used(release: Path) -> None:
    place = release.parent / ".unpacked" / "3"
    command = [sys.executable, "-c", DIE_BEFORE_RENAMING, str(release / "plan"), str(place)]
    assert subprocess.run(command, check=False).returncode == -9
    assert not place.exists()
    assert len(list_unpacked(release)) == 3, "it died before anything was unpacked"
    assert read_nodes(release) == NODES.tolist()
    assert list_unpacked(release) == FILLED


def test_arrays_of_releases_that_are_gone_are_removed(release: Path) -> None:
    (release.parent / ".unpacked" / "2").mkdir(parents=True)
    (release.parent / ".unpacked" / "2" / "forest.nodes.npy").write_bytes(b"")
    read_nodes(release)
    assert list_unpacked(release) == FILLED


def test_where_nothing_can_be_written_a_process_unpacks_for_itself_and_says_so(
    release: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = release.parent / ".unpacked"
    root.write_text("not a directory")
    with caplog.at_level(logging.WARNING, "app.runtime.plan.unpacking"):
        assert read_nodes(release) == NODES.tolist()
    assert caplog.messages == [
        f"{root} cannot be used (Not a directory): this process unpacks the plan for itself alone."
    ]


@pytest.mark.parametrize("shared", [True, False])
def test_an_archive_that_holds_other_arrays_than_listed_is_refused(*, shared: bool, release: Path) -> None:
    document = orjson.loads((release / "plan" / PLAN_FILE).read_bytes())
    document["arrays"]["forest.nodes.npy"]["sha256"] = "0" * 64
    (release / "plan" / PLAN_FILE).write_bytes(orjson.dumps(document))
    with pytest.raises(ArchiveRefused, match=r"forest\.nodes\.npy has another SHA-256"):
        read_nodes(release, shared=shared)
    assert not (release.parent / ".unpacked" / "3").exists()


def test_equal_plans_are_packed_into_equal_bytes(release: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    with unpacked_arrays(release / "plan", read_listing(release), shared=None) as arrays:
        again.mkdir()
        for name in reversed(os.listdir(arrays)):
            (again / name).write_bytes((arrays / name).read_bytes())
    (again / PLAN_FILE).write_bytes(orjson.dumps({"format": 1, "arrays": None}))
    pack_plan(again)
    for name in (ARRAYS, PLAN_FILE):
        assert (again / name).read_bytes() == (release / "plan" / name).read_bytes()
