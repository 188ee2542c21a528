"""Figures as SVG: slices, histograms, windows, courses; text stays text, and nothing depends on hue alone."""
