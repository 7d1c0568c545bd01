"""Changes what lies inside the archive of a release."""

from __future__ import annotations

from pathlib import Path

from app.release.archive import pack_directory, unpack_privately


def rewrite_member(archive: Path, path: str, content: bytes) -> None:
    """Replace one file of an archive, or add it."""
    with unpack_privately(archive) as directory:
        (directory / path).write_bytes(content)
        archive.unlink()
        pack_directory(directory, archive)
