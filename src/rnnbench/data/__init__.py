"""Prepared datasets: their format, their settings, and how predictions are scored."""
