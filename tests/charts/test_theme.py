"""Colours of the style sheet, as the guidelines of accessibility measure them (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re

import pytest

from app.charts import THEME

TEXT, DRAWING = 4.5, 3.0
_COLOUR = re.compile(r"--(\w+): (#[0-9a-f]{3,6});")


def read_palettes() -> dict[str, dict[str, str]]:
    light, dark = THEME.read_text().split("@media (prefers-color-scheme: dark)")
    return {"light": dict(_COLOUR.findall(light)), "dark": dict(_COLOUR.findall(dark))}


def measure_luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def measure_contrast(one: str, other: str) -> float:
    darker, lighter = sorted((measure_luminance(one), measure_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert measure_contrast("#000", "#fff") == pytest.approx(21.0)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "field"])
def test_words_and_drawings_stand_out(mode: str, ground: str) -> None:
    palette = read_palettes()[mode]

    words = {name: measure_contrast(palette[name], palette[ground]) for name in ("ink", "quiet", "main")}
    drawings = {
        name: measure_contrast(palette[name], palette[ground])
        for name in ("main", "second", "accent", "good", "warn", "alarm")
    }

    assert {name: contrast for name, contrast in words.items() if contrast < TEXT} == {}
    assert {name: contrast for name, contrast in drawings.items() if contrast < DRAWING} == {}
