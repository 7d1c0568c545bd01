"""Whether somebody who gets hold of the database and the logs has got anything that opens a door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# Words that could be a key or a token: of the characters that these are written in, and not too short.
_WORD = re.compile(rb"[A-Za-z0-9_.-]{16,5000}")
# What an installation keeps for itself, readable by its owner only, and in no database and no log.
PRIVATE_FILES = ("secret", "signing.key")


@dataclass(frozen=True)
class DumpResult:
    """What was searched, and where something was found.

    Attributes:
        words: Different words that were tried as credentials.
        found: Files that hold a secret in plain text.
        opened: Words that a door was opened for.
    """

    files: int
    bytes: int
    words: int
    found: list[str]
    opened: list[str]

    @property
    def holds(self) -> bool:
        return not self.found and not self.opened


def search_dump(files: Iterable[Path], *, secrets: Sequence[bytes], opens: Callable[[str], bool]) -> DumpResult:
    """Look for secrets in files, and try every long word of theirs as a credential.

    Args:
        opens: Tells whether a text is let in as an API key or as a token.
    """
    count = size = 0
    words: set[bytes] = set()
    found = []
    for path in files:
        content = path.read_bytes()
        count, size = count + 1, size + len(content)
        if any(secret in content for secret in secrets):
            found.append(path.name)
        words.update(_WORD.findall(content))
    opened = [word.decode() for word in sorted(words) if opens(word.decode())]
    return DumpResult(count, size, len(words), found, opened)


def list_dumped(home: Path) -> Iterator[Path]:
    """The database with its journal and all logs: everything of a home but its models and its private files."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and "models" not in path.relative_to(home).parts and path.name not in PRIVATE_FILES:
            yield path


def find_readable_private_files(home: Path) -> list[str]:
    """The private files that others than their owner may read."""
    files = (home / name for name in PRIVATE_FILES)
    return [path.name for path in files if path.exists() and path.stat().st_mode & 0o077]


def find_in_command_lines(pid: int, *, secrets: Sequence[bytes]) -> list[str]:
    """Processes of a server that show a secret to everybody who lists processes."""
    process = psutil.Process(pid)
    lines = {each.pid: " ".join(each.cmdline()) for each in (process, *process.children(recursive=True))}
    return [line for line in lines.values() if any(secret.decode() in line for secret in secrets)]
