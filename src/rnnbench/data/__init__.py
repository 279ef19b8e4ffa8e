"""Prepared datasets: their settings, their files, and the scores of predictions."""
