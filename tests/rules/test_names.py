"""Modules and classes are named after what they are, not after being useful."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from tests.rules.repository import list_files, read_python

EMPTY_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "common"}


def find_empty_file_names(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if EMPTY_WORDS & _split_words(path)]


def find_empty_class_names(sources: Mapping[str, ast.Module]) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and EMPTY_WORDS & _split_words(re.sub(r"(?=[A-Z])", "_", node.name))
    ]


def _split_words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", str(PurePosixPath(name).with_suffix("")).lower()))


def test_no_file_is_named_after_being_useful() -> None:
    assert find_empty_file_names(list_files()) == []


def test_a_file_named_after_being_useful_is_found() -> None:
    paths = ["app/api/utils.py", "app/helpers/rows.py", "app/model_manager.py", "app/api/utilisation.py"]
    assert find_empty_file_names(paths) == paths[:3]


def test_no_class_is_named_after_being_useful() -> None:
    assert find_empty_class_names(read_python()) == []


def test_a_class_named_after_being_useful_is_found() -> None:
    tree = ast.parse("class ModelManager: ...\nclass RowHelper: ...\nclass Managed: ...")
    assert find_empty_class_names({"a.py": tree}) == ["a.py:1 ModelManager", "a.py:2 RowHelper"]
