"""What is imported is declared in setup.cfg, not borrowed from another library's requirements."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution

from tests.rules.repository import ROOT, read_python
from tests.rules.test_imports import list_imports

OURS = {"app", "config", "deploy", "tests", "setuptools", "wsgi", "_typeshed"}


def read_requirements(*extras: str) -> list[str]:
    """The names of the distributions that setup.cfg declares for running, and for the extras."""
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [declared["options"]["install_requires"], *(declared["options.extras_require"][extra] for extra in extras)]
    return [name for text in texts for name in re.findall(r"(?m)^\s*([A-Za-z][\w.-]*)", text)]


def list_modules(requirement: str) -> set[str]:
    """The top-level modules that an installed distribution brings."""
    return {file.parts[0].partition(".")[0] for file in distribution(requirement).files or ()}


def find_undeclared(sources: Mapping[str, ast.Module], requirements: Iterable[str]) -> list[str]:
    """The third-party modules that are imported and that no requirement brings."""
    imported = {name.partition(".")[0] for tree in sources.values() for name, _ in list_imports(tree)}
    declared: set[str] = set().union(*(list_modules(requirement) for requirement in requirements))
    return sorted(imported - declared - OURS - sys.stdlib_module_names - {""})


def test_the_package_declares_what_it_imports() -> None:
    sources = dict(read_python("app", "config"))
    # The one module that only those who install the extra ever load.
    on_ray = {path: sources.pop(path) for path in ["app/serving/scoring/ray_engine.py"]}
    assert find_undeclared(sources, read_requirements()) == []
    assert find_undeclared(on_ray, read_requirements("ray")) == []


def test_the_demo_declares_what_it_imports() -> None:
    assert find_undeclared(read_python("deploy"), read_requirements("demo")) == []


def test_the_tests_declare_what_they_import() -> None:
    assert find_undeclared(read_python("tests"), read_requirements("test")) == []


def test_an_undeclared_module_is_found() -> None:
    sources = {
        "a.py": ast.parse("import os, itsdangerous, no_such_module\nfrom flask import Flask\nfrom app import errors")
    }
    assert find_undeclared(sources, read_requirements()) == ["itsdangerous", "no_such_module"]
