"""The questions of params.yaml: one family of tests, whatever other variants there are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.params import Comparison, Question
from rnnbench.report.contrasts import as_family, contrast
from rnnbench.report.evaluation_sets import EvaluationSet
from rnnbench.report.statistics.estimates import ALPHA

_KINDS = ("", "last_", "curve_")
COLUMNS = (
    *("question", "first", "second", "measure", "answer", "effect", "low", "high", "level"),
    *("p", "p_adjusted", "detectable", "used", "needed", "splits"),
    *(f"{kind}{end}" for kind in _KINDS[1:] for end in ("effect", "low", "high")),
)


def ask(questions: list[Question], sets: list[EvaluationSet], settings: Comparison) -> pd.DataFrame:
    """The answers, with `COLUMNS`; one row per question.

    effect, low, high: as in `rnnbench.report.contrasts.Contrast.bounds`, with the confidence
        `level` that agrees with Holm's decision.
    answer: one of `rnnbench.report.outputs`; an untested question has no figures.
    detectable, needed: as in `rnnbench.report.statistics.estimates.Estimate`; for losses, a ratio.
    splits: the number of splits of the first variant; used and needed count splits if there are
        several, otherwise trainings.
    last_*, curve_*: the same effect after the last epoch and as a mean over all epochs, each with
        an interval of confidence 0.95, of which nothing is tested.
    """
    found = [
        {
            kind: contrast((question.variants[0], question.variants[1]), sets, kind)
            for kind in _KINDS
        }
        for question in questions
    ]
    # A question of the family whose variants are not trained yet: until then it has no evidence,
    # and the answers to the others do not get weaker when it gets some.
    there = {result.name for members in sets for result in members.results}
    later = [1.0 for question in questions if not there.issuperset(question.variants)]
    tests = as_family([contrasts[""] for contrasts in found], settings, later)
    rows = []
    for question, contrasts, test in zip(questions, found, tests, strict=True):
        first, second = question.variants
        row: dict[str, Any] = {"question": question.question, "first": first, "second": second}
        # What is not tested has no figures at all.
        others = {
            f"{kind}{key}": value
            for kind in _KINDS[1:]
            if contrasts[""] is not None and (other := contrasts[kind]) is not None
            for key, value in other.bounds(ALPHA).items()
        }
        rows.append(row | test | others)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("used", "needed", "splits"), "Int64"))
