"""What is imported is declared in setup.cfg, not borrowed from another library's requirements."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions

from tests.rules.repository import ROOT, read_python
from tests.rules.test_imports import list_imports

OURS = {"app", "config", "deploy", "tests", "setuptools", "wsgi", "_typeshed"}
# distribution that provides a module -> the declared one that brings it on purpose
STANDS_FOR = {"autogluon-tabular": ("autogluon-common", "autogluon-core", "autogluon-features", "autogluon-tabular")}


def read_requirements(*extras: str) -> set[str]:
    """The names of the distributions that setup.cfg declares for running, and for the extras."""
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [declared["options"]["install_requires"], *(declared["options.extras_require"][extra] for extra in extras)]
    names = {normalize(match) for text in texts for match in re.findall(r"(?m)^\s*([A-Za-z][\w.-]*)", text)}
    return names.union(*(STANDS_FOR.get(name, ()) for name in names))


def find_undeclared(sources: Mapping[str, ast.Module], requirements: Iterable[str]) -> list[str]:
    """The third-party modules that are imported and that no requirement provides."""
    providers = packages_distributions()
    imported = {name.partition(".")[0] for tree in sources.values() for name, _ in list_imports(tree)}
    foreign = {module for module in imported - OURS - sys.stdlib_module_names if module}
    allowed = set(requirements)
    return sorted(module for module in foreign if not allowed & {normalize(name) for name in providers.get(module, ())})


def normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_package_declares_what_it_imports() -> None:
    assert find_undeclared(read_python("app", "config"), read_requirements()) == []


def test_the_demo_declares_what_it_imports() -> None:
    assert find_undeclared(read_python("deploy"), read_requirements("demo")) == []


def test_the_tests_declare_what_they_import() -> None:
    assert find_undeclared(read_python("tests"), read_requirements("test")) == []


def test_an_undeclared_module_is_found() -> None:
    sources = {"a.py": ast.parse("import os, jinja2, no_such_module\nfrom flask import Flask\nfrom app import errors")}
    assert find_undeclared(sources, read_requirements()) == ["jinja2", "no_such_module"]
