"""Trainings in MLflow: the only package that imports MLflow to log."""
