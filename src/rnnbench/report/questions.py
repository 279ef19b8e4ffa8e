"""The questions of params.yaml: one family of tests, whatever other variants there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.params import Comparison, Question
from rnnbench.report.evaluation_sets import EvaluationSet
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED
from rnnbench.report.results import Measure
from rnnbench.report.statistics.estimates import ALPHA, Estimate, Interval, independent
from rnnbench.report.statistics.holm import holm

_KINDS = ("", "last_", "curve_")
COLUMNS = (
    *("question", "first", "second", "measure", "answer", "effect", "low", "high", "level"),
    *("p", "p_adjusted", "detectable", "used", "needed", "splits"),
    *(f"{kind}{end}" for kind in _KINDS[1:] for end in ("effect", "low", "high")),
)


def ask(questions: list[Question], sets: list[EvaluationSet], settings: Comparison) -> pd.DataFrame:
    """The answers, with `COLUMNS`; one row per question.

    effect: for accuracies the first one minus the second one, for losses the second one divided by
        the first one, so that more is better for the first variant; with the interval [low, high]
        of the confidence `level` that agrees with Holm's decision.
    answer: one of `rnnbench.report.outputs`; an untested question has no figures.
    detectable, needed: as in `rnnbench.report.statistics.estimates.Estimate`; for losses, a ratio.
    splits: the number of splits of the first variant; used and needed count splits if there are
        several, otherwise trainings.
    last_*, curve_*: the same effect after the last epoch and as a mean over all epochs, each with
        an interval of confidence 0.95, of which nothing is tested.
    """
    found = [{kind: _difference(question, sets, kind) for kind in _KINDS} for question in questions]
    tested = [estimate for estimates in found if (estimate := estimates[""]) is not None]
    family = iter(zip(*holm([estimate.p for estimate in tested]), strict=True))
    rows = []
    for question, estimates in zip(questions, found, strict=True):
        first, second = question.variants
        row: dict[str, Any] = {"question": question.question, "first": first, "second": second}
        evaluation_set, estimate = _set_of(first, sets), estimates[""]
        if evaluation_set is None or estimate is None:
            rows.append(row | {"answer": UNTESTED})
            continue
        measure = evaluation_set.measure
        p_adjusted, alpha = next(family)
        others = {kind: other for kind in _KINDS[1:] if (other := estimates[kind]) is not None}
        detectable = estimate.detectable(alpha)
        rows.append(
            {
                **row,
                "measure": measure,
                "answer": _answer(estimate, alpha, measure, settings),
                **_bounds(estimate, alpha, measure),
                "level": 1 - alpha,
                "p": estimate.p,
                "p_adjusted": p_adjusted,
                "detectable": float(np.exp(detectable)) if measure == "loss" else detectable,
                "used": estimate.replicates,
                "needed": estimate.needed(alpha),
                "splits": evaluation_set.splits,
                **{
                    f"{kind}{key}": value
                    for kind, other in others.items()
                    for key, value in _bounds(other, ALPHA, measure).items()
                },
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("used", "needed", "splits"), "Int64"))


def _answer(estimate: Estimate, alpha: float, measure: Measure, settings: Comparison) -> str:
    """An answer from the difference of the accuracies, or of the logarithms of the losses."""
    interval, loss = estimate.interval(alpha), measure == "loss"
    if not interval.contains(0):
        return FIRST if (estimate.mean < 0) == loss else SECOND
    margin = settings.log_loss_margin if loss else settings.margin
    return EQUAL if -margin < interval.low and interval.high < margin else OPEN


def _bounds(estimate: Estimate, alpha: float, measure: str) -> dict[str, float]:
    interval = estimate.interval(alpha)
    if measure == "loss":
        interval = Interval(-interval.mean, -interval.high, -interval.low).exponential()
    return {"effect": interval.mean, "low": interval.low, "high": interval.high}


def _set_of(name: str, sets: list[EvaluationSet]) -> EvaluationSet | None:
    """The evaluation set of a variant; None if all of its replicates diverged."""
    for evaluation_set in sets:
        if name in [result.name for result in evaluation_set.finished]:
            return evaluation_set
    return None


def _difference(question: Question, sets: list[EvaluationSet], kind: str) -> Estimate | None:
    """First minus second: paired on the same evaluation samples, otherwise independent."""
    one, other = (_set_of(name, sets) for name in question.variants)
    if one is None or other is None or one.measure != other.measure:
        return None
    if one is other:
        both = one.only(question.variants)
        first = [result.name for result in both.results].index(question.variants[0])
        scores = both.scores(both.measure, kind)
        return scores.difference(first, 1 - first) if scores else None
    means = []
    for members, name in zip((one, other), question.variants, strict=True):
        scores = members.only([name]).scores(members.measure, kind)
        means.append(scores.mean(0) if scores else None)
    return independent(means[0], means[1]) if means[0] and means[1] else None
