"""From a view to HTML: escaped, without code inside, and under a policy that lets nothing in from elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.api.dashboard.ranges import RANGES
from app.api.dashboard.view.page import Page, Section
from app.charts import TEMPLATES as CHART_TEMPLATES

_TEMPLATES = Path(__file__).parent / "templates"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_DIGEST_CHARACTERS = 16
_KEPT_SECTIONS = 24


@dataclass(frozen=True)
class Part:
    """A section as HTML.

    Attributes:
        digest: Of all that is in it: the same as long as it looks the same.
    """

    key: str
    digest: str
    html: str


def render_page(page: Page, *, moment: str, has_session: bool) -> str:
    title = f"{page.overview.headline.text} {page.subject}".strip()
    return render(
        "dashboard.html",
        page=page,
        parts=render_parts(page),
        ranges=RANGES.values(),
        title=f"{title}: gluonserve",
        moment=moment,
        has_session=has_session,
    )


def render_parts(page: Page) -> tuple[Part, ...]:
    overview = render("overview.html", overview=page.overview, range=page.range)
    return (_make_part(page.overview.key, overview), *map(render_section, page.sections))


def render_section(section: Section) -> Part:
    return _render_once(section, lead_to_root())


def render_changed(page: Page, known: Iterable[str]) -> str:
    """The sections whose digests are not among those that somebody has."""
    held = frozenset(known)
    return "".join(part.html for part in render_parts(page) if part.digest not in held)


def render(template: str, **values: Any) -> str:
    return _fill(template, root=lead_to_root(), **values)


def lead_to_root() -> str:
    """The way from the address that is answered to where all addresses begin, under whichever prefix a proxy has it."""
    return "../" * (request.path.count("/") - 1)


def answer_page(html: str, *, status: int = 200) -> Response:
    response = Response(html, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


# Most of a page that updates itself is as it was, and half of the time that it takes is to fill templates.
@lru_cache(maxsize=_KEPT_SECTIONS)
def _render_once(section: Section, root: str) -> Part:
    return _make_part(section.key, _fill("section.html", root=root, section=section))


def _make_part(key: str, inner: str) -> Part:
    digest = hashlib.sha256(inner.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return Part(key, digest, _fill("part.html", key=key, digest=digest, inner=inner))


def _fill(template: str, **values: Any) -> str:
    return _open_templates().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _open_templates() -> Environment:
    return Environment(
        loader=FileSystemLoader([_TEMPLATES, CHART_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
