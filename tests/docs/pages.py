"""The pages of the documentation: their headings, and where their links lead."""

from __future__ import annotations

import re
from pathlib import Path

from tests.rules.repository import ROOT

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_PLACED = re.compile(r'<a id="([^"]+)"></a>')
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = ("http://", "https://", "mailto:")


def list_pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def make_anchor(heading: str) -> str:
    """The end of an address that leads to a heading, as GitHub makes it."""
    text = re.sub(r"\]\([^)]*\)", "", heading)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def read_anchors(text: str) -> list[str]:
    return [*_PLACED.findall(text), *(make_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", text)))]


def read_links(text: str) -> list[str]:
    """The links to other places of this repository."""
    return [link for link in _LINK.findall(_FENCE.sub("", text)) if not link.startswith(_ELSEWHERE)]


def find_dead_links(page: Path, text: str) -> list[str]:
    return [link for link in read_links(text) if not leads_somewhere(link, page, text)]


def leads_somewhere(link: str, page: Path, text: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name
    if name and not target.exists():
        return False
    return not anchor or anchor in read_anchors(target.read_text(encoding="utf-8") if name else text)
