"""From sections to one HTML page: escaped, without scripts, and with a policy that forbids everything but its style."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.charts import TEMPLATES as CHART_TEMPLATES
from app.charts import THEME
from app.training.card.page import Section

_TEMPLATES = Path(__file__).parent / "templates"


def render_page(*, name: str, version: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """The card as HTML. All texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader([_TEMPLATES, CHART_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join(path.read_text(encoding="utf-8") for path in (THEME, _TEMPLATES / "card.css"))
    return environment.get_template("card.html").render(
        name=name,
        version=version,
        facts=facts,
        sections=sections,
        style=style,
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
