"""Every link leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import find_dead_links, list_pages, make_anchor, read_links
from tests.rules.repository import ROOT


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert find_dead_links(page, page.read_text(encoding="utf-8")) == []


def test_a_link_to_nowhere_is_found() -> None:
    text = "# A page\n[a](#a-page) [b](#b) [c](settings.md) [d](nowhere.md) [e](settings.md#nowhere) [f](https://x.y/z)"
    assert find_dead_links(ROOT / "docs" / "page.md", text) == ["#b", "nowhere.md", "settings.md#nowhere"]


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    assert make_anchor("What a `value` gets, and why") == "what-a-value-gets-and-why"
    assert make_anchor("error_share") == "error_share"


def find_pages_from(page: Path, seen: set[Path]) -> set[Path]:
    """Follow links to pages, and to folders, which show all of their pages."""
    seen.add(page)
    names = (link.partition("#")[0] for link in read_links(page.read_text(encoding="utf-8")))
    targets = [(page.parent / name).resolve() for name in names if name]
    for target in targets:
        for found in target.glob("*.md") if target.is_dir() else [target]:
            if found.suffix == ".md" and found.exists() and found not in seen:
                find_pages_from(found, seen)
    return seen


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert set(list_pages()) - find_pages_from(ROOT / "README.md", set()) == set()
