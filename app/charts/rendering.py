"""From sections to one HTML page: escaped, without scripts, and with a policy that forbids everything but its style."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.charts import TEMPLATES, THEME
from app.charts.page import Section

_STYLES = (THEME, TEMPLATES / "page.css")


def render_page(
    *, kind: str, name: str, detail: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> str:
    """The page as HTML; all texts are escaped.

    Args:
        kind: What sort of page it is: `Model card`.
        name: What it is about.
        detail: Words beside the name, such as a version.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join(path.read_text(encoding="utf-8") for path in _STYLES)
    return environment.get_template("page.html").render(
        kind=kind,
        name=name,
        detail=detail,
        facts=facts,
        sections=sections,
        style=style,
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
