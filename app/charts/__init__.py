"""Plots as inline SVG, for model cards and the dashboard: from numbers to paths; the style sheet says how they look.
A ROC curve of matplotlib has 22 kB against 3.5, brings its own colours, and styles that a strict policy refuses."""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
"""Where `chart.html` lies, whose macro draws a chart."""
