"""The comparison: one row per variant, and every pair of variants on the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.params import Published
from rnnbench.report.results import Measure, Result
from rnnbench.report.statistics.intervals import Interval, PairedScores
from rnnbench.report.statistics.letters import letters
from rnnbench.report.statistics.pairs import COLUMNS, compare
from rnnbench.report.statistics.verdicts import NOT_COMPARABLE, share_interval, verdict

_MEASURES: tuple[Measure, ...] = ("accuracy", "loss")
_ARCHITECTURE = ("cell", "units", "recurrent_layers", "bidirectional")


def compare_all(
    results: list[Result], published: dict[str, Published]
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
    sets: dict[str, int] = {}
    for group in _groups(results):
        corpus = group[0].meta.corpus
        sets[corpus] = sets.get(corpus, 0) + 1
        place = {"corpus": corpus, "evaluation_set": sets[corpus]}
        rows |= {result.name: place | _description(result) for result in group}
        if finished := [result for result in group if result.finished]:
            scored, tested = _compare(finished, published)
            for result, row in zip(finished, scored, strict=True):
                rows[result.name] |= row
            if len(tested):
                pairs.append(pd.DataFrame({**place, **tested}))
    columns = ["corpus", "evaluation_set", "measure", *COLUMNS]
    table = pd.DataFrame([rows[result.name] for result in results])
    table = table.fillna({"verdict": "", "group": ""})
    return table, pd.concat(pairs) if pairs else pd.DataFrame(columns=columns)


def _groups(results: list[Result]) -> list[list[Result]]:
    """The results by their evaluation samples, in the order of `results`."""
    groups: dict[tuple[str, bytes, bytes], list[Result]] = {}
    for result in results:
        samples = result.samples
        key = (result.meta.corpus, samples.id.tobytes(), samples.y.tobytes())
        groups.setdefault(key, []).append(result)
    return list(groups.values())


def _description(result: Result) -> dict[str, Any]:
    return {
        "variant": result.name,
        "role": result.record.role,
        "dataset": result.dataset,
        **{key: result.record.architecture[key] for key in _ARCHITECTURE},
        **result.scores.model_dump(),
    }


def _compare(
    group: list[Result], published: dict[str, Published]
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The scores and the pairs of variants with the same evaluation samples."""
    names = [result.name for result in group]
    stochastic = [result.stochastic for result in group]
    scores = {m: PairedScores([r.table(m) for r in group], stochastic) for m in _MEASURES}
    tables = [table for r in group if (table := r.out_of_domain_table()) is not None]
    out_of_domain = PairedScores(tables, stochastic) if len(tables) == len(group) else None
    pairs = compare(names, scores[group[0].measure])
    pairs.insert(0, "measure", group[0].measure)
    different = pairs.loc[pairs["different"].astype(bool), ["first", "second"]]
    marks = letters(names, different.itertuples(index=False, name=None))
    rows = []
    for number, result in enumerate(group):
        intervals = {measure: scores[measure].interval(number) for measure in _MEASURES}
        # All predictions correct, or none, leave no variance to estimate.
        if (share := intervals["accuracy"].mean) in (0, 1):
            intervals["accuracy"] = share_interval(share, len(result.samples))
        row = {
            **_bounds(intervals, out_of_domain.interval(number) if out_of_domain else None),
            **_extremes(result),
            "group": marks[result.name],
            **_epochs(result),
            **_published(
                published.get(result.name),
                intervals["accuracy"],
                scores["accuracy"].further_run(number),
            ),
        }
        rows.append({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()})
    return rows, pairs


def _bounds(
    intervals: dict[Measure, Interval], out_of_domain: Interval | None
) -> dict[str, float | None]:
    bounds: dict[str, float | None] = {}
    keys = (*_MEASURES, "out_of_domain_accuracy")
    for key, interval in zip(keys, (*intervals.values(), out_of_domain), strict=True):
        highest = np.inf if key == "loss" else 1.0
        bounds[f"{key}_low"] = max(interval.low, 0.0) if interval else None
        bounds[f"{key}_high"] = min(interval.high, highest) if interval else None
    return bounds


def _extremes(result: Result) -> dict[str, float]:
    """The accuracies of the worst and of the best replicate."""
    by_replicate = result.table("accuracy").mean(axis=1)
    return {"accuracy_min": float(by_replicate.min()), "accuracy_max": float(by_replicate.max())}


def _published(
    figure: Published | None, accuracy: Interval, further_run: float | None
) -> dict[str, Any]:
    """The published figure and how our accuracy compares to it."""
    if figure is None:
        return {"published": None, "published_loss": None, "verdict": ""}
    if figure.comparable:
        result = verdict(accuracy, figure.accuracy, figure.samples, further_run)
    else:
        result = NOT_COMPARABLE
    return {"published": figure.accuracy, "published_loss": figure.loss, "verdict": result}


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
