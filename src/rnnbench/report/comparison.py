"""The comparison: one row per variant, and every pair of variants on the same samples."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.params import Comparison, Published
from rnnbench.report.results import Measure, Result
from rnnbench.report.statistics.intervals import Interval, PairedScores
from rnnbench.report.statistics.pairs import COLUMNS, compare, letters
from rnnbench.report.statistics.verdicts import (
    NOT_COMPARABLE,
    NOT_TESTED,
    loss_ratio,
    share_interval,
    verdict,
)

_MEASURES: tuple[Measure, ...] = ("accuracy", "loss")
_ARCHITECTURE = ("cell", "units", "recurrent_layers", "bidirectional")


def compare_all(
    results: list[Result], published: dict[str, Published], settings: Comparison
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of each variant, and the row of each pair, both with intervals.

    Variants with the same evaluation samples are tested together; "group" holds the letters of
    those that are not significantly different, "measure" what was tested, and "evaluation_set"
    counts the sets of evaluation samples of a corpus from 1. A variant whose replicates all
    diverged has a row without scores. Raises DataError if that holds for every variant.
    """
    if not any(result.finished for result in results):
        raise DataError("all replicates of all variants have diverged: nothing can be compared")
    rows: dict[str, dict[str, Any]] = {}
    pairs: list[pd.DataFrame] = []
    sets: Counter[str] = Counter()
    groups: dict[tuple[str, bytes, bytes], list[Result]] = {}
    for result in results:
        key = result.meta.corpus, result.samples.id.tobytes(), result.samples.y.tobytes()
        groups.setdefault(key, []).append(result)
    for (corpus, *_), group in groups.items():
        sets[corpus] += 1
        place = {"corpus": corpus, "evaluation_set": sets[corpus]}
        rows |= {result.name: place | _description(result) for result in group}
        if finished := [result for result in group if result.finished]:
            scored, tested = _compare(finished, published, settings)
            for result, row in zip(finished, scored, strict=True):
                rows[result.name] |= row
            if len(tested):
                pairs.append(pd.DataFrame({**place, **tested}))
    columns = ["corpus", "evaluation_set", "measure", *COLUMNS]
    table = pd.DataFrame([rows[result.name] for result in results])
    table = table.fillna({"verdict": "", "group": ""})
    return table, pd.concat(pairs) if pairs else pd.DataFrame(columns=columns)


def _description(result: Result) -> dict[str, Any]:
    return {
        "variant": result.name,
        "role": result.record.role,
        "dataset": result.dataset,
        **{key: result.record.architecture[key] for key in _ARCHITECTURE},
        **result.scores.model_dump(),
    }


def _compare(
    group: list[Result], published: dict[str, Published], settings: Comparison
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The scores and the pairs of variants with the same evaluation samples."""
    names = [result.name for result in group]
    stochastic = [result.stochastic for result in group]
    scores = {m: PairedScores([r.table(m) for r in group], stochastic) for m in _MEASURES}
    tables = [r.out_of_domain for r in group if r.out_of_domain is not None]
    out_of_domain = PairedScores(tables, stochastic) if len(tables) == len(group) else None
    pairs = compare(names, scores[group[0].measure])
    pairs.insert(0, "measure", group[0].measure)
    different = pairs.loc[pairs["different"].astype(bool), ["first", "second"]]
    marks = letters(names, different.itertuples(index=False, name=None))
    tested = {*pairs["first"], *pairs["second"]}
    rows = []
    for number, result in enumerate(group):
        accuracy = scores["accuracy"].interval(number)
        # All predictions correct, or none, leave no variance to estimate.
        if accuracy is not None and accuracy.mean in (0, 1):
            accuracy = share_interval(accuracy.mean, len(result.samples))
        by_replicate = result.table("accuracy").mean(axis=1)
        row = {
            **_bounds("accuracy", accuracy),
            **_bounds("loss", scores["loss"].interval(number), np.inf),
            **_bounds(
                "out_of_domain_accuracy", out_of_domain.interval(number) if out_of_domain else None
            ),
            "accuracy_min": float(by_replicate.min()),
            "accuracy_max": float(by_replicate.max()),
            "group": marks[result.name] if result.name in tested else "",
            **_epochs(result),
            **_published(published.get(result.name), scores["accuracy"], number, settings),
            **_published_loss(published.get(result.name), result),
        }
        rows.append({key: rounded(value) for key, value in row.items()})
    return rows, pairs


def _bounds(name: str, interval: Interval | None, highest: float = 1.0) -> dict[str, float | None]:
    low, high = (max(interval.low, 0.0), min(interval.high, highest)) if interval else (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def _published(
    figure: Published | None, scores: PairedScores, number: int, settings: Comparison
) -> dict[str, Any]:
    """The published figure, its difference from our accuracy, and the verdict."""
    difference, result = None, ""
    if figure is not None and figure.comparable:
        difference = scores.published(number, figure.accuracy, figure.samples, figure.same_samples)
        result = verdict(difference, settings.margin) if difference else NOT_TESTED
    elif figure is not None:
        result = NOT_COMPARABLE
    return {
        "published": figure.accuracy if figure else None,
        **_estimate("published_difference", difference),
        "verdict": result,
    }


def _published_loss(figure: Published | None, result: Result) -> dict[str, float | None]:
    """The published loss, and its ratio to ours with the interval."""
    ratio = None
    if figure is not None and figure.comparable and figure.loss is not None:
        ratio = loss_ratio(result.table("loss"), figure.loss, figure.samples)
    return {
        "published_loss": figure.loss if figure else None,
        **_estimate("published_loss_ratio", ratio),
    }


def _estimate(name: str, interval: Interval | None) -> dict[str, float | None]:
    mean, low, high = (interval.mean, interval.low, interval.high) if interval else [None] * 3
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _epochs(result: Result) -> dict[str, float]:
    """How the trainings went, as means over the replicates.

    best_epoch: the epoch with the best score on the evaluation samples. overfitting_gap: by how
    much the last epoch's score on the training samples is better than that on the evaluation
    samples.
    """
    measure, history = f"val_{result.measure}", result.history
    sign = -1 if result.measure == "loss" else 1
    best = (history[measure] * sign).groupby(history["replicate"]).idxmax()
    last = history.groupby("replicate").tail(1)
    gap = (last[result.measure] - last[measure]) * sign
    return {
        "best_epoch": float(history.loc[best, "epoch"].mean()),
        "epochs": float(last["epoch"].mean()),
        "overfitting_gap": float(gap.mean()),
    }


def rounded(value: Any) -> Any:
    """A number to six significant digits: the errors of some tasks are far below 1e-6."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
