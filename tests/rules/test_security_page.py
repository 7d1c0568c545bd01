"""The page about security names tests that exist: a promise whose test was moved or removed is found."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator

import pytest

from tests.rules.repository import ROOT

_TEST = re.compile(r"`(tests/[\w/.]+)`")
_COMMAND = re.compile(r"`python -m ([\w.]+)([^`]*)`")
_TARGET = re.compile(r"`make (\w+)`")


def find_missing(page: str) -> Iterator[str]:
    """The tests, modules and targets of make that a page names and that are not there."""
    yield from (path for path in _TEST.findall(page) if not (ROOT / path).exists())
    yield from (module for module, _ in _COMMAND.findall(page) if importlib.util.find_spec(module) is None)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    yield from (target for target in _TARGET.findall(page) if not re.search(rf"(?m)^{target}:", makefile))


def test_every_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert len(_TEST.findall(page)) > 10
    assert list(find_missing(page)) == []


@pytest.mark.parametrize("name", ["`tests/flows/test_gone.py`", "`python -m tests.gone --quick`", "`make gone`"])
def test_a_test_that_is_not_there_is_found(name: str) -> None:
    assert len(list(find_missing(f"as {name} shows"))) == 1
