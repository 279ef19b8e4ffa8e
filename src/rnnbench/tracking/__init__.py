"""Trainings and models in MLflow."""
