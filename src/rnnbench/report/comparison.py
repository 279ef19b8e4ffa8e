"""The comparison: one row a variant, and every pair of variants on the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.evaluation.metrics import measures
from rnnbench.params import Published
from rnnbench.report.results import Measure, Result
from rnnbench.report.statistics.bootstrap import Bootstrap, Interval
from rnnbench.report.statistics.letters import letters
from rnnbench.report.statistics.pairs import COLUMNS, compare
from rnnbench.report.statistics.verdicts import share_interval, verdict

_MEASURES: tuple[Measure, ...] = ("accuracy", "loss")


def compare_all(
    results: list[Result], published: dict[str, Published]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of each variant, and the row of each pair, both with intervals.

    Variants with the same evaluation samples are drawn and tested together; "group" holds the
    letters of those that cannot be told apart, "measure" what was tested, and "evaluation_set"
    counts the sets of evaluation samples of a corpus from 1. A variant that has not finished has a
    row of its facts stage_lock. Raises DataError if no variant has finished.
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
        rows |= {result.name: place | _facts(result) for result in group}
        if not (finished := [result for result in group if result.finished]):
            continue
        own_rows, own_pairs = _compare(finished, published)
        for row in own_rows:
            rows[row["variant"]] |= row
        own_pairs.insert(0, "evaluation_set", sets[corpus])
        own_pairs.insert(0, "corpus", corpus)
        if len(own_pairs):
            pairs.append(own_pairs)
    columns = ["corpus", "evaluation_set", "measure", *COLUMNS]
    table = pd.DataFrame([rows[result.name] for result in results])
    table = table.fillna({"verdict": "", "group": ""})
    return table, pd.concat(pairs) if pairs else pd.DataFrame(columns=columns)


def _groups(results: list[Result]) -> list[list[Result]]:
    """The results by their evaluation samples, in their order."""
    groups: dict[tuple[str, bytes, bytes], list[Result]] = {}
    for result in results:
        samples = result.judged
        key = (result.meta.corpus, samples.id.tobytes(), samples.y.tobytes())
        groups.setdefault(key, []).append(result)
    return list(groups.values())


def _compare(
    group: list[Result], published: dict[str, Published]
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The rows and the pairs of variants with the same evaluation samples."""
    names = [result.name for result in group]
    chance = [result.chance for result in group]
    draws = {
        measure: Bootstrap([result.table(measure) for result in group], chance)
        for measure in _MEASURES
    }
    outside = {r.name: table for r in group if (table := r.out_of_domain_table()) is not None}
    further = Bootstrap(list(outside.values()), chance) if len(outside) == len(group) else None
    pairs = compare(names, draws[group[0].measure])
    pairs.insert(0, "measure", group[0].measure)
    told_apart = pairs.loc[pairs["different"].astype(bool), ["first", "second"]]
    marks = letters(names, told_apart.itertuples(index=False, name=None))
    rows = []
    for number, result in enumerate(group):
        intervals: dict[str, Interval] = {m: draws[m].interval(number) for m in _MEASURES}
        intervals["accuracy"] = _of_share(intervals["accuracy"], len(result.judged))
        if further is not None:
            intervals["out_of_domain_accuracy"] = further.interval(number)
        figure = published.get(result.name)
        row = {
            **_facts(result),
            **_bounds(intervals),
            "group": marks[result.name],
            **measures(result.meta, result.prediction, result.judged.y),
            **_epochs(result),
            "published": figure.accuracy if figure else None,
            "published_loss": figure.loss if figure else None,
            "verdict": "",
        }
        if figure and figure.comparable:
            run = draws["accuracy"].further_run(number)
            row["verdict"] = verdict(intervals["accuracy"], figure.accuracy, figure.samples, run)
        elif figure:
            row["verdict"] = "not comparable"
        rows.append({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in row.items()})
    return rows, pairs


def _facts(result: Result) -> dict[str, Any]:
    own = {"variant": result.name, "role": result.role, "dataset": result.dataset}
    return own | result.scores.model_dump()


def _of_share(interval: Interval, samples: int) -> Interval:
    """Where all answers are right, or all wrong, draws of them tell nothing: Wilson's interval."""
    return share_interval(interval.mean, samples) if interval.mean in (0, 1) else interval


def _bounds(intervals: dict[str, Interval]) -> dict[str, float | None]:
    bounds: dict[str, float | None] = {}
    for key in (*_MEASURES, "out_of_domain_accuracy"):
        highest = np.inf if key == "loss" else 1.0
        found = intervals.get(key)
        bounds[f"{key}_low"] = max(found.low, 0.0) if found else None
        bounds[f"{key}_high"] = min(found.high, highest) if found else None
    return bounds


def _epochs(result: Result) -> dict[str, float]:
    """How the trainings went, as means over the replicates.

    best_epoch: when the evaluation samples were answered best. overfitting_gap: by how much the
    last epoch's training samples were answered better than the evaluation samples.
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
