"""Reads the repository for the rules: its files, and its Python parsed."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What git ignores or keeps for itself.
_NOT_OURS = {".git", ".venv", "var", "build", "dist", "__pycache__", ".hypothesis"}


def list_files(root: Path = ROOT) -> Iterator[str]:
    """The paths of all files that belong to the repository, relative to it."""
    for directory, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NOT_OURS and not _is_generated(name))
        for name in sorted(names):
            # In a git worktree .git is a file.
            if name != ".git" and not _is_generated(name):
                yield Path(directory, name).relative_to(root).as_posix()


def read_python(*folders: str) -> Mapping[str, ast.Module]:
    """Path and parsed source of every Python file, or of those below the folders."""
    paths = [path for path in list_files() if path.endswith(".py")]
    wanted = [path for path in paths if not folders or path.startswith(tuple(f"{folder}/" for folder in folders))]
    return {path: ast.parse((ROOT / path).read_text(encoding="utf-8"), path) for path in wanted}


def _is_generated(name: str) -> bool:
    return name.endswith((".egg-info", "_cache")) or name.startswith(".coverage")
