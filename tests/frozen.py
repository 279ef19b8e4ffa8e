"""A frozen copy of the shipped parameters: an edit of params.yaml breaks no test."""

from pathlib import Path

from rnnbench.params import load_params

PARAMS_FILE = Path(__file__).parent / "data" / "params.yaml"
PARAMS = load_params(PARAMS_FILE)
