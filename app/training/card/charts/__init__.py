"""Plots as inline SVG: from numbers to paths; the style sheet says what they look like. A ROC curve of matplotlib has
22 kB against 3.5, brings its own colours, and styles that a strict policy refuses."""
