"""params.yaml: all corpora, datasets and variants, validated as a whole before anything runs."""

from rnnbench.params.plan import expect_unchanged, load_plan, write_plan
from rnnbench.params.reader import check_params, load_params
from rnnbench.params.schema import Comparison, Params, Published, Question, Run

__all__ = [
    "Comparison",
    "Params",
    "Published",
    "Question",
    "Run",
    "check_params",
    "expect_unchanged",
    "load_params",
    "load_plan",
    "write_plan",
]
