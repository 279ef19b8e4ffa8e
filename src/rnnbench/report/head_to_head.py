"""Two variants in detail: their scores, the single test between them, and what decides it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_prepared
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import has_encoder, read_encoder
from rnnbench.preprocessing.inspect import label_of
from rnnbench.report.comparison import score_interval
from rnnbench.report.contrasts import contrast
from rnnbench.report.evaluation_sets import EvaluationSet, evaluation_sets
from rnnbench.report.findings import difference, p_value, power, untested
from rnnbench.report.outputs import FIRST, OPEN, SECOND, UNTESTED, Measure
from rnnbench.report.results import Result, read_result
from rnnbench.report.statistics.estimates import ALPHA, Interval


@dataclass(frozen=True)
class Score:
    """The mean score of one variant over its splits, geometric for losses; its 95 % interval."""

    variant: str
    mean: float
    interval: Interval | None
    replicates: int
    splits: int


@dataclass(frozen=True)
class Agreement:
    """How many samples both variants were evaluated on, and how many of them each got right.

    They are means over all pairs of replicates: if `paired`, of the same split, and then over the
    splits. A number is correct within the tolerance; of steps, their share is.
    """

    samples: float
    both: float
    first: float
    second: float
    neither: float


@dataclass(frozen=True)
class Decisive:
    """A sample on which two variants differ.

    sample: its number in the corpus. text: None if it is no text.
    first, second: the mean correctness or loss of each variant.
    """

    sample: int
    label: str
    text: str | None
    first: float
    second: float


@dataclass(frozen=True)
class HeadToHead:
    """Two variants of a corpus, compared alone.

    paired: whether they have the same evaluation samples.
    answer: one of `rnnbench.report.outputs`, of a single test at 5 %.
    test: its figures, `rnnbench.report.contrasts.Contrast.figures`; empty if untested.
    margin: of `params.yaml`; losses that are higher by up to this share count as equal.
    within_margin: whether the whole interval lies within it; None if untested.
    agreement: None if no sample was evaluated for both.
    for_first, for_second: the samples on which that variant is better by most, at most five.
    """

    corpus: str
    measure: Measure
    paired: bool
    first: Score
    second: Score
    answer: str
    test: dict[str, Any]
    margin: float
    within_margin: bool | None
    agreement: Agreement | None
    for_first: list[Decisive]
    for_second: list[Decisive]

    @property
    def sentences(self) -> list[str]:
        """What the test says."""
        first, second = self.first.variant, self.second.variant
        row = self.test | {"first": first, "second": second}
        if self.answer == UNTESTED:
            lines = [untested(first, second)]
        else:
            bound = f"{self.margin:g}" if self.measure == "accuracy" else f"{100 * self.margin:g} %"
            better = {FIRST: first, SECOND: second}.get(self.answer, "neither")
            p = f"{p_value(self.test['p'])} of this test alone, not corrected for others"
            within = "lies within" if self.within_margin else "reaches beyond"
            lines = [
                f"{difference(row, self.margin)} (95 % interval)",
                f"{better} is significantly better: {p}",
                f"the interval {within} the margin of {bound}",
                *([power(row)] if self.answer == OPEN else []),
            ]
        # They are written for Markdown.
        return [line.replace("`", "") for line in lines]


def compare(
    workspace: Workspace, params: Params, first: str, second: str, measure: Measure | None = None
) -> HeadToHead:
    """Compare two variants by their files alone.

    measure: by default the one that they are ranked by. Raises UnknownNameError, and DataError if
    they cannot be compared, or if a file is missing or damaged.
    """
    corpora = [params.corpus_of(name) for name in (first, second)]
    if first == second:
        raise DataError(f"{first} cannot be compared with itself")
    if corpora[0] != corpora[1]:
        which = f"{first} has {corpora[0]}, {second} has {corpora[1]}"
        raise DataError(f"variants of different corpora cannot be compared: {which}")
    one, other = (read_result(workspace, params, name) for name in (first, second))
    for result in (one, other):
        if not result.finished:
            raise DataError(f"{result.name}: all of its replicates have diverged")
        if result.summary.protocol == "same":
            raise DataError(f"{result.name} is evaluated on its training samples: shows nothing")
    sets = evaluation_sets([one, other])
    measure, paired, settings = measure or one.measure, len(sets) == 1, params.comparison
    found = contrast((first, second), sets, measure=measure)
    samples = shared_samples(one, other, paired)
    # Drawn anew in every split: equal numbers are no equal samples.
    if not paired and "new" in (one.summary.protocol, other.summary.protocol):
        samples = samples.iloc[:0]
    folder = workspace.prepared(one.dataset)
    lists = [_described(folder, rows) for rows in decisive_samples(samples, measure)]
    return HeadToHead(
        corpus=one.meta.corpus,
        measure=measure,
        paired=paired,
        first=_score(one, sets, measure),
        second=_score(other, sets, measure),
        answer=found.answer(ALPHA, settings) if found else UNTESTED,
        test=found.figures(ALPHA) if found else {},
        margin=settings.margin if measure == "accuracy" else settings.loss_margin,
        within_margin=found.within_margin(ALPHA, settings) if found else None,
        agreement=agreement(samples, paired),
        for_first=lists[0],
        for_second=lists[1],
    )


def _score(result: Result, sets: list[EvaluationSet], measure: Measure) -> Score:
    (members,) = (members for members in sets if result in members.results)
    scores = members.scores(measure)
    estimate = scores.mean(members.results.index(result)) if scores else None
    interval = score_interval(result, measure, estimate)
    mean = float(getattr(result.scores, measure))
    return Score(result.name, mean, interval, len(result.replicates), result.splits)


def shared_samples(first: Result, second: Result, paired: bool) -> pd.DataFrame:
    """The samples that both variants were evaluated on, in the same split if `paired`.

    Columns: split (0 unless paired), id, and of each variant the means over its replicates:
    accuracy_first, accuracy_second, loss_first, loss_second.
    """
    keys = ["split", "id", "target"]
    tables = []
    for result, suffix in ((first, "_first"), (second, "_second")):
        evaluated, record = result.evaluated, result.record
        replicates, n = evaluated.id.shape
        splits = np.repeat([record.splits[number] for number in record.finished], n)
        columns = {
            "split": splits if paired else 0,
            "id": evaluated.id.ravel(),
            # Generated corpora can have different samples of the same number.
            "target": evaluated.y.reshape(replicates * n, -1).mean(axis=1),
            "accuracy": result.table("accuracy").ravel(),
            "loss": result.table("loss").ravel(),
        }
        tables.append(pd.DataFrame(columns).groupby(keys).mean().add_suffix(suffix))
    return tables[0].join(tables[1], how="inner").reset_index().drop(columns="target")


def agreement(samples: pd.DataFrame, paired: bool) -> Agreement | None:
    """How often both variants are correct; `samples` and `paired` as in `shared_samples`."""
    if not len(samples):
        return None
    splits = samples["split"].nunique() if paired else 1
    first, second = samples["accuracy_first"], samples["accuracy_second"]
    parts = first * second, first * (1 - second), (1 - first) * second, (1 - first) * (1 - second)
    return Agreement(len(samples) / splits, *(float(part.sum()) / splits for part in parts))


def decisive_samples(samples: pd.DataFrame, measure: Measure) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples on which the first, and the second variant is better by most, at most five each.

    samples: as `shared_samples` returns them. Indexed by number in the corpus, with the columns
    first and second: the mean of each. Equal differences in accuracy are ordered by those in loss.
    """
    means = samples.groupby("id").mean()
    shown = means[[f"{measure}_first", f"{measure}_second"]].set_axis(["first", "second"], axis=1)
    lead = pd.DataFrame(
        {
            "accuracy": means["accuracy_first"] - means["accuracy_second"],
            "loss": means["loss_second"] - means["loss_first"],
        }
    )
    best = []
    for ahead in (lead, -lead):
        keys = dict.fromkeys([measure, "loss"])
        ordered = ahead[ahead[measure] > 0].sort_values([*keys], ascending=False, kind="stable")
        best.append(shown.loc[ordered.index[:5]])
    return best[0], best[1]


def _described(folder: Path, rows: pd.DataFrame) -> list[Decisive]:
    """The samples of `decisive_samples` with labels, and texts as the first split has them."""
    data = read_prepared(folder)
    encoder = read_encoder(folder) if has_encoder(folder) else None
    found = []
    for number, first, second in rows.itertuples():
        place = int(np.flatnonzero(data.samples.id == number)[0])
        text = encoder.text(data.samples.x[place]) if encoder else None
        label = label_of(data.meta, data.samples.y[place])
        found.append(Decisive(int(number), label, text, first, second))
    return found
