"""One variant against another: the test that the questions and `rnnbench compare` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnbench.params import Comparison
from rnnbench.report.evaluation_sets import EvaluationSet
from rnnbench.report.outputs import EQUAL, FIRST, NEUTRAL, OPEN, SECOND, UNTESTED, Measure
from rnnbench.report.statistics.estimates import Estimate, Interval, independent
from rnnbench.report.statistics.holm import holm


@dataclass(frozen=True)
class Contrast:
    """The first of two variants minus the second one.

    measure: accuracies are subtracted, or the logarithms of losses.
    paired: whether both have the same evaluation samples; otherwise the means are independent.
    splits: the number of splits of the first variant.
    """

    measure: Measure
    paired: bool
    splits: int
    estimate: Estimate

    def bounds(self, alpha: float) -> dict[str, float]:
        """The effect and its interval [low, high], which misses it with probability `alpha`.

        effect: for accuracies the first one minus the second one, for losses the second one divided
        by the first one, so that more is better for the first variant.
        """
        interval = self.estimate.interval(alpha)
        if self.measure == "loss":
            interval = Interval(-interval.mean, -interval.high, -interval.low).exponential()
        return {"effect": interval.mean, "low": interval.low, "high": interval.high}

    def figures(self, alpha: float) -> dict[str, Any]:
        """The test at level `alpha`, with the keys of `rnnbench.report.questions.COLUMNS`."""
        detectable = self.estimate.detectable(alpha)
        return {
            "measure": self.measure,
            **self.bounds(alpha),
            "level": 1 - alpha,
            "p": self.estimate.p,
            "detectable": float(np.exp(detectable)) if self.measure == "loss" else detectable,
            "used": self.estimate.replicates,
            "needed": self.estimate.needed(alpha),
            "splits": self.splits,
        }

    def answer(self, alpha: float, settings: Comparison) -> str:
        """What the interval decides: one of `rnnbench.report.outputs`, but not `UNTESTED`."""
        if not self.estimate.interval(alpha).contains(0):
            return FIRST if (self.estimate.mean < 0) == (self.measure == "loss") else SECOND
        return EQUAL if self.within_margin(alpha, settings) else OPEN

    def within_margin(self, alpha: float, settings: Comparison) -> bool:
        """Whether the whole interval lies within the margin, so that no difference matters."""
        interval = self.estimate.interval(alpha)
        margin = settings.log_loss_margin if self.measure == "loss" else settings.margin
        return -margin < interval.low and interval.high < margin


def contrast(
    names: tuple[str, str],
    sets: list[EvaluationSet],
    kind: str = "",
    measure: Measure | None = None,
) -> Contrast | None:
    """The first variant against the second: paired on the same evaluation samples, or independent.

    kind: as in `EvaluationSet.scores`. measure: by default the one that the variants are ranked by.
    None if nothing can be tested: a variant is in no set or has no finite scores, both are ranked
    by different measures, or one of them has no error that could be estimated.
    """
    chosen = [s for name in names for s in sets if name in [r.name for r in s.finished]]
    if len(chosen) < 2 or chosen[0].measure != chosen[1].measure:
        return None
    one, other = chosen
    measure = measure or one.measure
    if one is other:
        both = one.only(names)
        number = [result.name for result in both.results].index(names[0])
        scores = both.scores(measure, kind)
        estimate = scores.difference(number, 1 - number) if scores else None
    else:
        means = [
            scores.mean(0) if (scores := members.only([name]).scores(measure, kind)) else None
            for members, name in zip(chosen, names, strict=True)
        ]
        estimate = independent(means[0], means[1]) if means[0] and means[1] else None
    return Contrast(measure, one is other, one.splits, estimate) if estimate else None


def as_family(
    contrasts: Sequence[Contrast | None], settings: Comparison, others: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """The tests of one family (Holm): for each its answer, its figures and its adjusted p.

    Without a contrast there is only the answer `UNTESTED`. others: p of further tests.
    """
    tested = [found for found in contrasts if found is not None]
    adjusted, levels = holm([*(found.estimate.p for found in tested), *others])
    family = iter(zip(adjusted, levels, strict=True))
    rows: list[dict[str, Any]] = []
    for found in contrasts:
        if found is None:
            rows.append({"answer": UNTESTED})
            continue
        p, alpha = next(family)
        row = {"answer": found.answer(alpha, settings), **found.figures(alpha)}
        rows.append(row | {"p_adjusted": p})
    return rows


def pair_answer(row: Mapping[Any, Any], settings: Comparison) -> str:
    """What the simultaneous interval of a pair decides, one of `rnnbench.report.outputs`.

    row: of metrics/pairs.csv.
    """
    loss = row["measure"] == "loss"
    if row["different"]:
        return FIRST if row["effect"] > NEUTRAL[row["measure"]] else SECOND
    margin = 1 + settings.loss_margin if loss else settings.margin
    low = 1 / margin if loss else -margin
    return EQUAL if low < row["low"] and row["high"] < margin else OPEN


def beaten(rows: Iterable[Mapping[Any, Any]]) -> dict[str, list[str]]:
    """Name -> those that it is significantly better than, of tests with first, second, answer."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["answer"] in (FIRST, SECOND):
            loser = SECOND if row["answer"] == FIRST else FIRST
            found.setdefault(row[row["answer"]], []).append(row[loser])
    return found
