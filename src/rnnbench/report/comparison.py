"""The comparison: one row a variant, and every pair of variants on the same samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.measures import measures
from rnnbench.params import Params
from rnnbench.report.results import Measure, Result
from rnnbench.statistics.bootstrap import Bootstrap, Interval
from rnnbench.statistics.letters import letters
from rnnbench.statistics.pairs import COLUMNS, compare
from rnnbench.statistics.verdicts import verdict

_MEASURES: tuple[Measure, ...] = ("accuracy", "loss")
Intervals = dict[str, Interval]


def compare_all(results: list[Result], params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of each variant, and the row of each pair, both with intervals.

    Variants with the same evaluation samples are drawn and tested together; "group" holds the
    letters of those that cannot be told apart, "measure" what was tested.
    """
    rows: dict[str, dict[str, Any]] = {}
    pairs: list[pd.DataFrame] = []
    for group in _groups(results):
        intervals = _intervals(group)
        compared = compare({result.name: result.table(result.measure) for result in group})
        compared.insert(0, "measure", group[0].measure)
        compared.insert(0, "corpus", group[0].meta.corpus)
        pairs.append(compared)
        told_apart = compared.loc[compared["different"], ["first", "second"]]
        marks = letters(
            [result.name for result in group], told_apart.itertuples(index=False, name=None)
        )
        for result in group:
            rows[result.name] = _row(result, params, intervals[result.name], marks[result.name])
    columns = ["corpus", "measure", *COLUMNS]
    table = pd.DataFrame([rows[result.name] for result in results])
    return table, pd.concat(pairs) if pairs else pd.DataFrame(columns=columns)


def _groups(results: list[Result]) -> Iterable[list[Result]]:
    """The results by their evaluation samples, in their order."""
    groups: dict[tuple[str, bytes], list[Result]] = {}
    for result in results:
        groups.setdefault((result.meta.corpus, result.judged.id.tobytes()), []).append(result)
    return groups.values()


def _intervals(group: list[Result]) -> dict[str, Intervals]:
    """Each variant's intervals, by measure."""
    found: dict[str, Intervals] = {result.name: {} for result in group}
    for measure in _MEASURES:
        draws = Bootstrap([result.table(measure) for result in group])
        for number, result in enumerate(group):
            found[result.name][measure] = draws.interval(number)
    outside = {result.name: result.outside_table() for result in group}
    tables = {name: table for name, table in outside.items() if table is not None}
    if tables:
        draws = Bootstrap(list(tables.values()))
        for number, name in enumerate(tables):
            found[name]["outside_accuracy"] = draws.interval(number)
    return found


def _row(result: Result, params: Params, intervals: Intervals, group: str) -> dict[str, Any]:
    published = params.published.get(result.name)
    bounds: dict[str, float | None] = {}
    for key in (*_MEASURES, "outside_accuracy"):
        highest = np.inf if key == "loss" else 1.0
        found = intervals.get(key)
        bounds[f"{key}_low"] = max(found.low, 0.0) if found else None
        bounds[f"{key}_high"] = min(found.high, highest) if found else None
    row = {
        "corpus": result.meta.corpus,
        "variant": result.name,
        "role": result.role,
        "dataset": result.dataset,
        **result.scores,
        **bounds,
        "group": group,
        **measures(result.meta, result.prediction, result.judged.y),
        **_epochs(result),
        "published": published.accuracy if published else None,
        "published_loss": published.loss if published else None,
        "verdict": "",
    }
    if published and published.comparable:
        row["verdict"] = verdict(intervals["accuracy"], published.accuracy, published.samples)
    elif published:
        row["verdict"] = "not comparable"
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in row.items()}


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
