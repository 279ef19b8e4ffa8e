"""The trainings of a study -> which level of the compared axis wins, by how much, at what cost.

Whatever is chosen is chosen on the validation part; whatever is reported is of the evaluation part.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.params import Comparison, Study
from rnnbench.report.contrasts import Contrast, as_family
from rnnbench.report.outputs import Measure, measure_of
from rnnbench.report.statistics.estimates import ALPHA, Estimate, independent
from rnnbench.report.statistics.holm import holm
from rnnbench.report.statistics.shares import share_interval
from rnnbench.report.statistics.splits import SplitScores
from rnnbench.report.studies.names import level_name
from rnnbench.studies.outputs import SIZES

# Backward, a training takes about two more passes.
_PASSES = 3
# A score counts as reached at this share of the way from the baseline to the best one.
REACHED = 0.9
# With a chosen epoch so late on average, more epochs may have been better.
_SHORT = 0.9
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Analysis:
    """The analysis of one study; each table is a property.

    trainings, curves: as `rnnbench.studies.outputs` has them.
    """

    study: Study
    trainings: pd.DataFrame
    curves: pd.DataFrame
    settings: Comparison

    @property
    def numbers(self) -> bool:
        """Whether the target is a number, so that losses are compared, on the logarithmic scale."""
        return self.measure == "loss"

    @property
    def measure(self) -> Measure:
        """The score that is compared."""
        return measure_of(self.trainings["target"].iloc[0])

    @cached_property
    def best(self) -> pd.DataFrame:
        """A row for each facet and level: its best setting, as the validation part shows.

        The columns of the facets and of the tuned axes; edge: whether the value of a tuned axis is
        the first or the last one that was tried, so that a better one may lie beyond; short:
        whether the chosen epochs are among the last ones, so that more may have been better, unless
        all is correct on the validation part; units,
        recurrent_parameters, multiply_adds; trainings, diverged; score with its 95 % interval, low
        and high, accuracy, last (after the last epoch), val; baseline, and whether the score is
        significantly better, by tests that are one family.
        """
        rows = [
            self._best_row(facet, level, self._chosen(of_level))
            for facet, of_facet in self.facets()
            for level, of_level in _groups(of_facet, [self.study.compared])
        ]
        tested = [row for row in rows if row["baseline_p"] is not None]
        adjusted, _ = holm([row["baseline_p"] for row in tested])
        for row, p in zip(tested, adjusted, strict=True):
            row["better_than_baseline"] = p < ALPHA and row["better"]
        return pd.DataFrame(rows).drop(columns=["better", "baseline_p"])

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """A row for each facet and pair of levels, at their best settings; all are one family.

        Columns as in `rnnbench.report.questions.COLUMNS`, and those of the facets.
        """
        found = []
        for facet, of_facet in self.facets():
            chosen = {
                level: self._chosen(rows) for (level,), rows in _groups(of_facet, [self._compared])
            }
            for first, second in itertools.combinations(chosen, 2):
                contrast = self._contrast(chosen[first], chosen[second])
                found.append((facet | {"first": first, "second": second}, contrast))
        tests = as_family([contrast for _, contrast in found], self.settings)
        return pd.DataFrame([row | test for (row, _), test in zip(found, tests, strict=True)])

    @cached_property
    def tuning(self) -> pd.DataFrame:
        """The score that k settings of the tuned axes lead to, drawn at random without repetition.

        The best of the k on the validation part counts (Dodge et al., "Show your work", EMNLP
        2019). Columns: the facets, level, k, expected, and near, how many of the `settings` are
        worse than the best by no more than the margin. Without levels of which a setting diverged
        in all trainings.
        """
        rows = []
        for facet, of_facet in self.facets():
            for (level,), of_level in _groups(of_facet, [self._compared]):
                ranked = [scores for _, scores in self._ranked(of_level)]
                values = [self._mean(scores) for scores in ranked]
                finished = [value for value in values if not math.isnan(value)]
                if len(finished) < 2 or len(finished) < len(values):
                    continue
                sign = -1 if self.numbers else 1
                top = max(sign * value for value in values)
                # Differences have errors of rounding.
                near = sum(round(top - sign * value - self._margin, 12) <= 0 for value in values)
                for k in range(1, len(values) + 1):
                    weights = _best_of(len(values), k)
                    expected = float(np.dot(weights, values))
                    row = facet | {"level": level, "k": k, "settings": len(values), "near": near}
                    rows.append(row | {"expected": self._shown(expected)})
        return pd.DataFrame(rows)

    @cached_property
    def compute(self) -> pd.DataFrame:
        """The least compute with which each level reaches a score on the validation part.

        Compute: multiplications and additions of the recurrent layers' matrix products, forward and
        backward, over all samples and epochs. The score to reach lies at `REACHED` of the way from
        the baseline to the best of the data set. Columns: the axes of the dataset, level, goal,
        reached (None if never), and the setting and epoch that reach it first.
        """
        known = self.trainings["multiply_adds"].notna().all()
        if not known or self.trainings["val_loss"].isna().all() or self._progress.empty:
            return pd.DataFrame()
        own, rows = self.dataset_axes, []
        for key, of_data in _groups(self._progress, own):
            sign = -1 if self.numbers else 1
            baseline = of_data["baseline"].mean()
            top = (sign * of_data["score"]).max()
            goal = sign * baseline + REACHED * (top - sign * baseline)
            for (level,), of_level in _groups(of_data, [self._compared]):
                there = of_level[sign * of_level["score"] >= goal]
                row = dict(zip(own, key, strict=True)) | {"level": level}
                row |= {"goal": self._shown(sign * goal), "reached": None}
                if len(there):
                    first = there.loc[there["spent"].idxmin()]
                    axes = {axis: first[axis] for axis in self.study.axes if axis != self._compared}
                    row |= axes | {"epoch": int(first["epoch"]), "reached": first["spent"]}
                rows.append(row)
        # Whole numbers stay whole next to rows without any.
        return pd.DataFrame(rows, dtype=object)

    @property
    def dataset_axes(self) -> list[str]:
        """The axes whose values are or change datasets, so that each has a goal of its own."""
        return [axis for axis in self.study.axes if axis.partition(".")[0] == "dataset"]

    @cached_property
    def _progress(self) -> pd.DataFrame:
        """The mean score of each setting after each epoch, with the compute until then.

        Without epochs that some training of the setting has not reached, since it diverged.
        """
        column = f"val_{self.measure}"
        joined = self.curves[["training", "epoch", column]].merge(
            self.trainings.drop(columns=[column, "epoch"]), on="training"
        )
        joined["score"] = self._scaled(joined[column])
        joined["baseline"] = self._scaled(joined[f"baseline_{self.measure}"])
        steps = joined["multiply_adds"].astype(float) * joined["training_samples"]
        joined["spent"] = steps * _PASSES * joined["epoch"]
        axes, columns = [*self.study.axes], ["score", "baseline", "spent"]
        planned = self.trainings.groupby(axes, sort=False).size().rename("planned").reset_index()
        joined = joined.merge(planned, on=axes)
        by_epoch = joined.groupby([*axes, "epoch"], sort=False)["training"].transform("count")
        joined = joined[by_epoch == joined["planned"]]
        by_split = joined.groupby([*axes, "epoch", "split"], sort=False)[columns].mean()
        return by_split.groupby([*axes, "epoch"], sort=False).mean().reset_index()

    def envelope(self, level: Any, dataset: dict[str, Any]) -> tuple[list[float], list[float]]:
        """The best validation score that a level reaches within some compute: compute, scores.

        dataset: values of `dataset_axes`.
        """
        rows = matching(self._progress, {self._compared: level} | dataset)
        rows = rows.sort_values("spent", kind="stable")
        best = rows["score"].cummin() if self.numbers else rows["score"].cummax()
        return rows["spent"].tolist(), [self._shown(value) for value in best]

    def sweep(self, rows: pd.DataFrame, axis: str) -> tuple[list[Any], list[float]]:
        """The mean evaluation score at each value of a tuned axis."""
        groups = list(_groups(rows, [axis]))
        return [key[0] for key, _ in groups], [self._shown(self._mean(part)) for _, part in groups]

    def facets(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """The trainings of each combination of the facets' values."""
        for key, rows in _groups(self.trainings, self.study.facets):
            yield dict(zip(self.study.facets, key, strict=True)), rows

    def level_name(self, level: Any) -> str:
        """How a value of the compared axis is called."""
        return level_name(self._compared, level)

    @property
    def _compared(self) -> str:
        return self.study.compared

    @property
    def _margin(self) -> float:
        return self.settings.log_loss_margin if self.numbers else self.settings.margin

    def _ranked(self, rows: pd.DataFrame) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
        """The settings of the tuned axes, the best one on the validation part first."""

        def rank(item: tuple[tuple[Any, ...], pd.DataFrame]) -> tuple[float, ...]:
            _, scores = item
            loss = self._mean(scores, "val_loss")
            first = loss if self.numbers else -self._mean(scores, "val_accuracy")
            # A setting that diverges is chosen only if all do.
            return float(scores["diverged"].notna().sum()), first, loss

        return sorted(_groups(rows, self.study.tuned), key=rank)

    def _chosen(self, rows: pd.DataFrame) -> pd.DataFrame:
        return self._ranked(rows)[0][1]

    def _best_row(
        self, facet: dict[str, Any], level: tuple[Any, ...], rows: pd.DataFrame
    ) -> dict[str, Any]:
        tuned = {axis: rows[axis].iloc[0] for axis in self.study.tuned}
        estimate = self._estimate(rows)
        baseline = rows.assign(**{self.measure: rows[f"baseline_{self.measure}"]})
        gain = self._difference(rows, baseline)
        ends: dict[str, Any] = dict.fromkeys(("low", "high"))
        if estimate is not None:
            samples = int(rows["evaluation_samples"].min())
            interval = (
                estimate.interval()
                if self.numbers
                else share_interval(estimate.mean, samples, estimate)
            )
            ends = {"low": self._shown(interval.low), "high": self._shown(interval.high)}
        perfect = not self.numbers and bool((rows["val_accuracy"] == 1).all())
        better = gain is not None and (gain.mean < 0) == self.numbers and gain.mean != 0
        return {
            **facet,
            "level": level[0],
            **tuned,
            "edge": any(self._at_edge(axis, value) for axis, value in tuned.items()),
            "short": bool((rows["epoch"] / rows["last_epoch"]).mean() > _SHORT) and not perfect,
            **{key: rows[key].iloc[0] for key in SIZES},
            "trainings": len(rows),
            "diverged": int(rows["diverged"].notna().sum()),
            "score": self._shown(self._mean(rows)),
            **ends,
            "accuracy": rows["accuracy"].mean(),
            "last": self._shown(self._mean(rows, f"last_{self.measure}")),
            "val": self._shown(self._mean(rows, f"val_{self.measure}")),
            "baseline": self._shown(self._mean(baseline)),
            "baseline_p": None if gain is None else gain.p,
            "better": better,
            "better_than_baseline": None,
        }

    def _at_edge(self, axis: str, value: Any) -> bool:
        values = self.study.axes[axis]
        tried = sorted(v for v in values if isinstance(v, int | float) and not isinstance(v, bool))
        return len(tried) > 2 and value in (tried[0], tried[-1])

    def _contrast(self, first: pd.DataFrame, second: pd.DataFrame) -> Contrast | None:
        estimate = self._difference(first, second)
        if estimate is None:
            return None
        splits = first["split"].nunique()
        return Contrast(self.measure, splits > 1, splits, estimate)

    def _difference(self, first: pd.DataFrame, second: pd.DataFrame) -> Estimate | None:
        if first["split"].nunique() > 1:
            by_split = {n: self._by_split(rows) for n, rows in enumerate((first, second))}
            scores = np.asarray(pd.DataFrame(by_split).T, np.float64)
            # Of two sizes of the training part, the smaller one gives the wider interval.
            overlap = max(self._overlap(first), self._overlap(second))
            return SplitScores(scores, overlap).difference(0, 1)
        # On the same samples, the scores' errors cancel in part: this is wider than needed.
        one, other = self._estimate(first), self._estimate(second)
        return independent(one, other) if one and other else None

    def _estimate(self, rows: pd.DataFrame) -> Estimate | None:
        if rows["split"].nunique() > 1:
            scores = np.asarray(self._by_split(rows), np.float64)[None]
            return SplitScores(scores, self._overlap(rows)).mean(0)
        values = self._scaled(rows[self.measure]).dropna()
        if len(values) < 2:
            return None
        error = rows[f"{self.measure}_sample_sd"]
        if self.numbers:
            error = error / rows[self.measure]
        count = len(values)
        variance = float(values.var(ddof=1)) / count
        return Estimate(float(values.mean()), variance, float((error**2).mean()), count - 1, count)

    def _overlap(self, rows: pd.DataFrame) -> float:
        if rows["protocol"].iloc[0] == "new":
            return 0.0
        return float(rows["evaluation_samples"].iloc[0] / rows["training_samples"].min())

    def _by_split(self, rows: pd.DataFrame) -> pd.Series[float]:
        return self._scaled(rows[self.measure]).groupby(rows["split"]).mean()

    def _mean(self, rows: pd.DataFrame, column: str = "") -> float:
        """The mean of a score over the splits, of losses on the logarithmic scale."""
        column = column or self.measure
        values = self._scaled(rows[column], column.rpartition("_")[2])
        return float(values.groupby(rows["split"]).mean().mean())

    def _scaled(self, values: pd.Series[Any], measure: str = "") -> pd.Series[float]:
        numbers = values.astype(float)
        if (measure or self.measure) == "loss":
            return pd.Series(np.log(numbers.clip(lower=_SMALLEST)), values.index)
        return numbers

    def _shown(self, value: float) -> float:
        # Of an interval around losses that almost diverged, it can be infinite.
        with np.errstate(over="ignore"):
            return float(np.exp(value)) if self.numbers else value


def matching(table: pd.DataFrame, values: dict[str, Any]) -> pd.DataFrame:
    """The rows with these values."""
    for column, value in values.items():
        table = table[table[column] == value] if len(table) else table
    return table


def _groups(
    table: pd.DataFrame, columns: list[str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The rows of each combination of values, in their order; all rows without columns."""
    if not columns:
        yield (), table
        return
    yield from table.groupby(columns, sort=False, dropna=False)


def _best_of(count: int, k: int) -> list[float]:
    """The probability of each rank, from the best, to be the best of k of `count` settings."""
    return [math.comb(count - rank, k - 1) / math.comb(count, k) for rank in range(1, count + 1)]
