"""The comparison: one row per variant, and every pair of variants on the same samples."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.data.scoring import losses
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import Comparison, Published
from rnnbench.report.evaluation_sets import EvaluationSet
from rnnbench.report.outputs import Measure
from rnnbench.report.results import Result
from rnnbench.report.statistics import pairs as tests
from rnnbench.report.statistics.components import standard_deviations
from rnnbench.report.statistics.estimates import Estimate, Interval
from rnnbench.report.statistics.shares import share_interval
from rnnbench.report.statistics.verdicts import (
    NOT_COMPARABLE,
    NOT_TESTED,
    loss_ratio,
    published_difference,
    verdict,
)

_ARCHITECTURE = ("cell", "units", "recurrent_layers", "bidirectional")
_RANKS = ("p_best", "rank_low", "rank_high")
_NESTED = {"further_accuracy", "further_samples"}


def compare_all(
    sets: list[EvaluationSet], published: dict[str, Published], settings: Comparison
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of each variant, and the row of each pair, both with intervals.

    "group" holds the letters of the variants of a set that are not significantly different,
    "measure" what was tested. A variant whose replicates all diverged has a row without scores.
    Raises DataError if that holds for every variant.
    """
    if not any(members.finished for members in sets):
        raise DataError("all replicates of all variants have diverged: nothing can be compared")
    rows: list[dict[str, Any]] = []
    pairs: list[pd.DataFrame] = []
    for members in sets:
        place = {"corpus": members.corpus, "evaluation_set": members.number}
        scored, tested = _compare(members)
        for result in members.results:
            row = place | _description(result) | scored.get(result.name, {})
            if result.finished:
                row |= _published(published.get(result.name), result, settings)
            rows.append({key: rounded(value) for key, value in row.items()})
        if len(tested):
            design = {"measure": members.measure, "splits": members.splits}
            pairs.append(pd.DataFrame({**place, **design, **tested}))
    columns = ["corpus", "evaluation_set", "measure", "splits", *tests.COLUMNS]
    table = pd.DataFrame(rows).fillna({"verdict": "", "loss_verdict": "", "group": ""})
    return table, pd.concat(pairs) if pairs else pd.DataFrame(columns=columns)


def shown_pairs(pairs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Pairs with differences of logarithms turned into ratios: second loss / first loss."""
    if measure == "accuracy":
        return pairs
    effect, low, high = (np.exp(-pairs[key].astype(float)) for key in ("effect", "low", "high"))
    detectable = np.exp(pairs["detectable"].astype(float))
    return pairs.assign(effect=effect, low=high, high=low, detectable=detectable)


def _description(result: Result) -> dict[str, Any]:
    scores = result.scores
    further = {f"on_{name}": value for name, value in scores.further_accuracy.items()}
    sizes = {f"samples_{name}": count for name, count in scores.further_samples.items()}
    return {
        "variant": result.name,
        "role": result.record.role,
        "dataset": result.dataset,
        **{key: result.record.architecture[key] for key in _ARCHITECTURE},
        **scores.model_dump(exclude=_NESTED),
        **further,
        **sizes,
    }


def _compare(members: EvaluationSet) -> tuple[dict[str, dict[str, Any]], pd.DataFrame]:
    """The intervals and groups of the finished variants, and their pairs."""
    finished, measure = members.finished, members.measure
    names = [result.name for result in finished]
    accuracy, loss = (members.scores(m) for m in ("accuracy", "loss"))
    tested = accuracy if measure == "accuracy" else loss
    pairs = pd.DataFrame(columns=list(tests.COLUMNS))
    order, marks = pd.DataFrame(index=names, columns=list(_RANKS)), {}
    if tested is not None and len(found := tests.compare(names, tested)):
        pairs = shown_pairs(found, measure)
        order = tests.ranks(tested, higher_is_better=measure == "accuracy").set_axis(names)
        compared = {*pairs["first"], *pairs["second"]}
        marked = [name for name in names if name in compared]
        marks = tests.letters(marked, _apart(marked, pairs))
    rows = {}
    for number, result in enumerate(finished):
        by_replicate = result.replicates["accuracy"]
        estimate = accuracy.mean(number) if accuracy is not None else None
        of_loss = loss.mean(number) if loss is not None else None
        rows[result.name] = {
            **_bounds("accuracy", score_interval(result, "accuracy", estimate)),
            **_bounds("loss", score_interval(result, "loss", of_loss)),
            **_further(result, members.overlap),
            "accuracy_min": float(by_replicate.min()),
            "accuracy_max": float(by_replicate.max()),
            "distinct_accuracy": float(result.replicates["distinct_accuracy"].mean()),
            "group": marks.get(result.name, ""),
            **{str(key): value for key, value in order.loc[result.name].items()},
            **standard_deviations(_logarithmic(result), measure, result.stochastic),
            **_epochs(result),
        }
    return rows, pairs


def _apart(names: list[str], pairs: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs that share no letter: those that differ, and those that cannot be tested."""
    alike = pairs.loc[~pairs["different"].astype(bool), ["first", "second"]]
    together = set(alike.itertuples(index=False, name=None))
    return [pair for pair in itertools.combinations(names, 2) if pair not in together]


def _logarithmic(result: Result) -> pd.DataFrame:
    """The scores by replicate, with logarithms of losses and the standard errors of those."""
    table = result.replicates
    loss = table["loss"].where(table["loss"] > 0)
    return table.assign(loss=np.log(loss), loss_sample_sd=table["loss_sample_sd"] / loss)


def score_interval(result: Result, measure: Measure, estimate: Estimate | None) -> Interval | None:
    """The 95 % interval of a variant's mean accuracy or loss; None if nothing can be inferred.

    estimate: its mean, for losses of their logarithms, by `EvaluationSet.scores`.
    """
    if measure == "loss":
        return estimate.interval().exponential() if estimate else None
    alone = estimate is None and (result.stochastic or result.summary.splits > 1)
    if result.summary.protocol == "same" or alone:
        return None
    share = estimate.mean if estimate is not None else float(result.replicates["accuracy"].mean())
    return share_interval(share, result.distinct_samples, estimate)


def _further(result: Result, overlap: float) -> dict[str, Any]:
    """Intervals of the accuracy on each further set: of its samples and of the replicates.

    overlap: that of the splits, which share training samples.
    """
    found: dict[str, Any] = {}
    drawn = result.summary.splits > 1
    for name, samples in result.summary.further_samples.items():
        values = result.replicates.groupby("split" if drawn else "replicate")[f"on_{name}"].mean()
        share, count, interval = float(values.mean()), len(values), None
        if count > 1:
            variance = float(values.var(ddof=1)) * (1 / count + (overlap if drawn else 0))
            rest = share * (1 - share) / samples
            # Satterthwaite's degrees of freedom; those of the samples are many.
            degrees = (count - 1) * ((variance + rest) / variance) ** 2 if variance else np.inf
            estimate = Estimate(share, variance, rest, degrees, count)
            interval = share_interval(share, samples, estimate)
        elif not (result.stochastic or drawn):
            interval = share_interval(share, samples, None)
        found |= _bounds(f"on_{name}", interval)
    return found


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _published(
    figure: Published | None, result: Result, settings: Comparison
) -> dict[str, float | str | None]:
    """The published figures, how ours differ after the last epoch, and the verdicts."""
    difference, ratio, verdicts = None, None, ("", "")
    if figure is not None and not figure.comparable:
        verdicts = (NOT_COMPARABLE, NOT_COMPARABLE if figure.loss is not None else "")
    elif figure is not None:
        table, splits = result.replicates, result.splits
        size = figure.samples if figure.same_samples else result.summary.evaluation_samples
        ours = table["last_accuracy"].to_numpy()
        found = published_difference(figure.accuracy, figure.samples, ours, splits, size)
        difference = found.interval() if found else None
        verdicts = (_verdict(difference, settings.margin), "")
        if figure.loss is not None:
            values = losses(result.meta, result.evaluated.last, result.evaluated.y)
            relative = float(values.var() / values.mean() ** 2)
            last = table["last_loss"].to_numpy()
            found = loss_ratio(figure.loss, figure.samples, last, splits, size, relative)
            ratio = found.interval() if found else None
            verdicts = (verdicts[0], _verdict(ratio, settings.log_loss_margin))
    return {
        "published": figure.accuracy if figure else None,
        **_estimate("published_difference", difference),
        "verdict": verdicts[0],
        "published_loss": figure.loss if figure else None,
        **_estimate("published_loss_ratio", ratio.exponential() if ratio else None),
        "loss_verdict": verdicts[1],
    }


def _verdict(difference: Interval | None, margin: float) -> str:
    return verdict(difference, margin) if difference else NOT_TESTED


def _estimate(name: str, interval: Interval | None) -> dict[str, float | None]:
    mean, low, high = (interval.mean, interval.low, interval.high) if interval else [None] * 3
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _epochs(result: Result) -> dict[str, float]:
    """How the trainings went, as means over the replicates.

    overfitting_gap: by how much the score on the training samples is better than that on the
    evaluation samples, both after the last epoch.
    """
    table = result.replicates
    gap = table["training_accuracy"] - table["last_accuracy"]
    if result.measure == "loss":
        gap = table["last_loss"] - table["training_loss"]
    return {
        "chosen_epoch": float(table["epoch"].mean()),
        "epochs": float(table["epochs"].mean()),
        "overfitting_gap": float(gap.mean()),
    }
