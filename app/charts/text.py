"""Words and numbers as pages show them. Names come from strangers' data: what cannot be seen is spelled out."""

from __future__ import annotations

import math
import unicodedata

_MOST_CHARACTERS = 80
# Control, format, surrogate and private characters and separators of lines: not seen, or they turn a text round.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def show_text(value: object, *, most: int = _MOST_CHARACTERS) -> str:
    """A name or a value as it can be read: invisible characters by their code, long texts cut in the middle."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]}…{text[-half:]}"
    return "".join(map(_spell_out, text)) if text.strip() else f"“{text}”"


def show_list(values: list[object] | tuple[object, ...], *, most: int = 12, each: int = 30) -> str:
    """The first values and how many more there are."""
    shown = ", ".join(show_text(value, most=each) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most:,} more"


def write_number(value: float | None) -> str:
    """Four significant digits, thousands parted, exponents only where zeros would be counted."""
    if value is None or math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e9:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:.3g}"


def write_tick(value: float) -> str:
    """A round number beside an axis, with as few characters as can be."""
    if not 10_000 <= abs(value) < 1e15:
        return write_number(value)
    unit, letter = next((unit, letter) for unit, letter in _UNITS if abs(value) >= unit)
    return f"{value / unit:.4g}{letter}"


def write_share(value: float) -> str:
    """A share as per cent; those that only round to all or nothing say so."""
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.1f} %"


def _spell_out(character: str) -> str:
    return f"[U+{ord(character):04X}]" if unicodedata.category(character) in _UNSEEN else character
