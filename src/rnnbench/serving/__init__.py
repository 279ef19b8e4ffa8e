"""Predictions for new samples, on the command line and over HTTP."""
