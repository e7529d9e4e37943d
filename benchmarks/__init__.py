"""Measurements: each prints what it ran, on what, side by side in one run, as ratios."""
