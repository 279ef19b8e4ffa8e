"""Variants with the same evaluation samples, and the statistics that suit their splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.report.outputs import Measure
from rnnbench.report.results import Result
from rnnbench.report.statistics.crossed import CrossedScores
from rnnbench.report.statistics.pairs import Scores
from rnnbench.report.statistics.splits import SplitScores

# The most independent splits first.
_PROTOCOLS = ("by_film", "by_group", "new", "random", "last", "given", "same")


@dataclass(frozen=True)
class EvaluationSet:
    """The variants of a corpus with the same evaluation samples in all splits, the best first.

    number: counts the sets of a corpus from 1.
    """

    corpus: str
    number: int
    results: list[Result]

    @property
    def finished(self) -> list[Result]:
        """The variants with at least one replicate that has not diverged."""
        return [result for result in self.results if result.finished]

    @property
    def protocol(self) -> str:
        """`rnnbench.data.format.Summary.protocol`."""
        return self.results[0].summary.protocol

    @property
    def splits(self) -> int:
        """The number of splits."""
        return self.results[0].summary.splits

    @property
    def measure(self) -> Measure:
        """What its variants are ranked and tested by."""
        return self.results[0].measure

    def scores(self, measure: Measure, kind: str = "") -> Scores | None:
        """The scores of the finished variants, losses as logarithms.

        kind: "" for the chosen epoch, "last_" for the last one, or "curve_" for the mean of all.
        None if nothing can be inferred: all replicates of all variants diverged, the training
        samples are evaluated, or a loss is 0.
        """
        column = kind + measure
        has_zero = any((r.replicates[column] <= 0).any() for r in self.finished)
        if not self.finished or self.protocol == "same" or (measure == "loss" and has_zero):
            return None
        if self.splits > 1:
            return SplitScores(self._by_split(column, measure), self.overlap)
        if kind:
            return None
        stochastic = [result.stochastic for result in self.finished]
        tables = [r.table(measure) for r in self.finished]
        if measure == "loss":
            # The logarithm, linearized at the mean of each replicate.
            means = [table.mean(axis=1, keepdims=True) for table in tables]
            tables = [np.log(m) + t / m - 1 for t, m in zip(tables, means, strict=True)]
        return CrossedScores(tables, stochastic)

    def only(self, names: Collection[str]) -> EvaluationSet:
        """The set without other variants, which would change the correction for overlap."""
        return replace(self, results=[r for r in self.results if r.name in names])

    @property
    def overlap(self) -> float:
        """Evaluation samples / training samples, or 0 if every split has new samples."""
        if self.protocol == "new":
            return 0.0
        summaries = [result.summary for result in self.results]
        fewest = min(summary.training_samples for summary in summaries)
        return summaries[0].evaluation_samples / fewest

    def _by_split(self, column: str, measure: Measure) -> NDArray[np.float64]:
        """The mean score of each finished variant in each split, shape (variants, splits)."""
        means = {}
        for result in self.finished:
            values = result.replicates[column]
            scaled = pd.Series(np.log(values)) if measure == "loss" else values
            means[result.name] = scaled.groupby(result.replicates["split"]).mean()
        return np.asarray(pd.DataFrame(means).reindex(range(self.splits)).T.to_numpy(float))


def evaluation_sets(results: list[Result]) -> list[EvaluationSet]:
    """All sets: corpora in their order; of each, the set to compare its variants by first.

    That is one with a validation part, and with splits that share nothing, if there is one.

    results: the best variant of each corpus first.
    """
    sets: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        sets.setdefault((result.meta.corpus, result.samples), []).append(result)
    corpora = list(dict.fromkeys(corpus for corpus, _ in sets))

    def rank(key: tuple[str, str]) -> tuple[int, bool, int]:
        summaries = [result.summary for result in sets[key]]
        validated = any(summary.validation_samples for summary in summaries)
        return corpora.index(key[0]), not validated, _PROTOCOLS.index(summaries[0].protocol)

    numbers: Counter[str] = Counter()
    found = []
    for key in sorted(sets, key=rank):
        numbers[key[0]] += 1
        found.append(EvaluationSet(key[0], numbers[key[0]], sets[key]))
    return found
