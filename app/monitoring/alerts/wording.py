"""Figures and names as people read them. A name may be anything: mail and chats find nothing in it to act on."""

from __future__ import annotations

import unicodedata

from app.monitoring.figures import FIGURE_FAMILIES, FIGURES

MOST_NAME_CHARACTERS = 100
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
# What mail, chats and web pages act on, as characters that look alike: mentions, tags, entities, links, emphasis.
_LOOK_ALIKES = str.maketrans({"@": "＠", "<": "‹", ">": "›", "&": "＆", "`": "'", "*": "∗", "|": "¦", "\\": "⧵"})
_SCHEME = "://"


def describe_figure(name: str) -> str:
    """What a figure is, in words."""
    known = FIGURES.get(name)
    if known is not None:
        return known
    start = max((start for start in FIGURE_FAMILIES if name.startswith(start)), key=len, default="")
    return f"{name.removeprefix(start)}: {FIGURE_FAMILIES[start]}" if start else name


def write_value(figure: str, value: float) -> str:
    """A value with its unit."""
    if figure.endswith("_share"):
        return f"{100 * value:.3g} %"
    if figure.endswith("_percent"):
        return f"{value:.3g} %"
    if figure.endswith("_ms"):
        return f"{value:,.0f} ms" if abs(value) >= 10 else f"{value:.2g} ms"
    if figure.startswith("seconds_") or figure.endswith("_seconds"):
        return write_duration(value)
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.4g}"


def write_duration(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"


def write_name(text: str, *, most: int = MOST_NAME_CHARACTERS) -> str:
    """A name on one line, without control characters and without what readers of the message would act on."""
    seen = "".join(character if _is_seen(character) else " " for character in text[: 4 * most])
    plain = " ".join(seen.translate(_LOOK_ALIKES).replace(_SCHEME, ": / /").split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _is_seen(character: str) -> bool:
    # Control characters, those that turn the direction of writing, line ends of every kind, halves of characters.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
