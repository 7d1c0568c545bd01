"""The arrays of a plan as a release holds them: in one archive, with size and digest of each in the plan's document."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from app.release.archive import pack_directory
from app.release.files import compute_sha256, list_files, read_json, write_json
from app.release.plan import PLAN_FILE

ARRAYS = "arrays.tar.zst"


def pack_plan(directory: Path) -> None:
    """Move all files of an exported plan, but for its document, into one archive beside it."""
    aside = directory / "arrays"
    names = [name for name in list_files(directory) if name != PLAN_FILE]
    aside.mkdir()
    for name in names:
        (directory / name).rename(aside / name)
    pack_directory(aside, directory / ARRAYS)
    document: Any = read_json(directory / PLAN_FILE)
    document["arrays"] = {
        name: {"size": (aside / name).stat().st_size, "sha256": compute_sha256(aside / name)} for name in names
    }
    write_json(directory / PLAN_FILE, document)
    shutil.rmtree(aside)
