"""Plots as inline SVG: from numbers to paths. What they look like is the style sheet's business."""
