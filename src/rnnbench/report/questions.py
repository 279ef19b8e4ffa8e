"""The questions of params.yaml: one family of tests, whatever other variants there are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnbench.params import Comparison, Question
from rnnbench.report.evaluation_sets import EvaluationSet
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND
from rnnbench.report.statistics.estimates import Estimate, independent
from rnnbench.report.statistics.holm import holm

_KINDS = ("", "last_", "curve_")
COLUMNS = (
    *("question", "first", "second", "measure", "answer", "effect", "low", "high", "level"),
    *("p", "p_adjusted", "detectable", "needed", "splits"),
    *(f"{kind}{end}" for kind in _KINDS[1:] for end in ("effect", "low", "high")),
)


def ask(questions: list[Question], sets: list[EvaluationSet], settings: Comparison) -> pd.DataFrame:
    """The answers, with `COLUMNS`; one row per question that can be tested.

    effect: for accuracies the first one minus the second one, for losses the second one divided by
        the first one, so that more is better for the first variant; with the interval [low, high]
        of the confidence `level` that agrees with Holm's decision.
    answer: the better variant ("first" or "second"), "equal" or "open".
    detectable, needed: as in `rnnbench.report.statistics.estimates.Estimate`; for losses, a ratio.
    splits: the number of splits of the first variant; needed counts splits if there are several,
        otherwise trainings.
    last_*, curve_*: the same effect after the last epoch and as a mean over all epochs, each with
        an interval of confidence 0.95, of which nothing is tested.
    """
    asked: list[tuple[Question, EvaluationSet]] = []
    found: list[dict[str, Estimate | None]] = []
    for question in questions:
        members = _members(question.variants[0], sets)
        estimates = {kind: _difference(question, sets, kind) for kind in _KINDS}
        if members is not None and estimates[""] is not None:
            asked.append((question, members))
            found.append(estimates)
    tested = [estimates[""] for estimates in found if estimates[""] is not None]
    adjusted, levels = holm([estimate.p for estimate in tested])
    rows = []
    for place, (question, members) in enumerate(asked):
        estimate, alpha, measure = tested[place], levels[place], members.measure
        sign = -1 if measure == "loss" else 1
        shown = np.exp if measure == "loss" else float
        bounds = _bounds(estimate, alpha, measure)
        rows.append(
            {
                "question": question.question,
                "first": question.variants[0],
                "second": question.variants[1],
                "measure": measure,
                "answer": _answer(estimate, alpha, sign, _margin(settings, measure)),
                **bounds,
                "level": 1 - alpha,
                "p": estimate.p,
                "p_adjusted": adjusted[place],
                "detectable": float(shown(estimate.detectable(alpha))),
                "needed": estimate.needed(alpha),
                "splits": members.splits,
                **{
                    f"{kind}{key}": value
                    for kind in _KINDS[1:]
                    if (other := found[place][kind]) is not None
                    for key, value in _bounds(other, 0.05, measure).items()
                },
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"needed": "Int64"})


def _margin(settings: Comparison, measure: str) -> float:
    return settings.margin if measure == "accuracy" else float(np.log1p(settings.loss_margin))


def _answer(estimate: Estimate, alpha: float, sign: int, margin: float) -> str:
    interval = estimate.interval(alpha)
    if not interval.contains(0):
        return FIRST if sign * estimate.mean > 0 else SECOND
    return EQUAL if -margin < interval.low and interval.high < margin else OPEN


def _bounds(estimate: Estimate, alpha: float, measure: str) -> dict[str, float]:
    interval = estimate.interval(alpha)
    ends = [interval.mean, interval.low, interval.high]
    if measure == "loss":
        ends = [float(np.exp(-end)) for end in (interval.mean, interval.high, interval.low)]
    return dict(zip(("effect", "low", "high"), ends, strict=True))


def _members(name: str, sets: list[EvaluationSet]) -> EvaluationSet | None:
    """The evaluation set of a variant; None if all of its replicates diverged."""
    for members in sets:
        if name in [result.name for result in members.finished]:
            return members
    return None


def _difference(question: Question, sets: list[EvaluationSet], kind: str) -> Estimate | None:
    """First minus second: paired on the same evaluation samples, otherwise independent."""
    one, other = (_members(name, sets) for name in question.variants)
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
