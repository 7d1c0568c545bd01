"""Files, functions and folders stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from tests.rules.repository import ROOT, list_files, read_python

MOST_LINES_OF_FILE = 399
MOST_LINES_OF_FUNCTION = 40
MOST_FILES_OF_FOLDER = 12
WRITTEN_BY_HAND = (".py", ".html", ".js", ".css", ".yaml")


def find_long_files(texts: Mapping[str, str]) -> list[str]:
    counts = {path: len(text.splitlines()) for path, text in texts.items()}
    return [f"{path}: {count} lines" for path, count in counts.items() if count > MOST_LINES_OF_FILE]


def find_long_functions(sources: Mapping[str, ast.Module]) -> list[str]:
    found = []
    for path, tree in sources.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MOST_LINES_OF_FUNCTION:
                    found.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    return found


def find_crowded_folders(paths: Iterable[str]) -> list[str]:
    """Folders with more files than a reader can survey; __init__.py is the folder itself."""
    counts = Counter(str(PurePosixPath(path).parent) for path in paths if not path.endswith("__init__.py"))
    return [f"{folder}: {count} files" for folder, count in counts.items() if count > MOST_FILES_OF_FOLDER]


def test_every_file_is_below_400_lines() -> None:
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in list_files() if path.endswith(WRITTEN_BY_HAND)}
    assert find_long_files(texts) == []


def test_a_file_of_400_lines_is_found() -> None:
    assert find_long_files({"a.py": "x\n" * 400, "b.py": "x\n" * 399}) == ["a.py: 400 lines"]


def test_every_function_has_at_most_40_lines() -> None:
    assert find_long_functions(read_python()) == []


def test_a_function_of_41_lines_is_found() -> None:
    long, fits = (f"def {name}():\n" + "    x = 1\n" * lines for name, lines in (("long", 40), ("fits", 39)))
    assert find_long_functions({"a.py": ast.parse(long + fits)}) == ["a.py:1 long: 41 lines"]


def test_every_folder_has_at_most_a_dozen_files() -> None:
    assert find_crowded_folders(list_files()) == []


def test_a_folder_of_13_files_is_found() -> None:
    paths = ["full/__init__.py", *(f"full/{n}.py" for n in range(13)), *(f"fits/{n}.py" for n in range(12))]
    assert find_crowded_folders(paths) == ["full: 13 files"]
