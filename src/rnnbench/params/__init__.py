"""params.yaml: all corpora, datasets and variants, validated as a whole before anything runs."""

from rnnbench.params.plan import expect_unchanged, load_plan, write_plan
from rnnbench.params.reader import check_params, load_params
from rnnbench.params.schema import (
    LEARNING_RATE,
    Comparison,
    Params,
    Published,
    Question,
    Run,
    Study,
)
from rnnbench.params.studies import Trial, study_variants

__all__ = [
    "LEARNING_RATE",
    "Comparison",
    "Params",
    "Published",
    "Question",
    "Run",
    "Study",
    "Trial",
    "check_params",
    "expect_unchanged",
    "load_params",
    "load_plan",
    "study_variants",
    "write_plan",
]
