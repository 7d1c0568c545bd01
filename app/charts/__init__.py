"""Plots, tables and whole pages of them: from numbers to paths; the style sheet says how they look.
A ROC curve of matplotlib has 22 kB against 3.5, brings its own colours, and styles that a strict policy refuses."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
"""Where `chart.html` and `table.html` lie, whose macros draw a chart and a table."""

THEME = TEMPLATES / "theme.css"
"""The colours of light and dark, and how charts and tables look."""
