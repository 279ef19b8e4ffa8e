"""Where the publications of several projects disagree."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema
from rnnbench.report.publication.contents import Publication, Row
from rnnbench.report.rerun import FOUND, NOT_FOUND, REVERSED, Run, findings
from rnnbench.report.statistics.estimates import ALPHA, Estimate, independent
from rnnbench.report.statistics.holm import holm
from rnnbench.report.statistics.splits import SplitScores

# Scores are published with six digits.
_ROUNDING = 2e-6


class Disagreements(Schema):
    """What two publications say differently.

    first, second: their labels. common: the variants of both with equal settings.
    other_settings: variants of the same name whose settings or data differ.
    only_first, only_second: variants of one alone.
    repeated: the trainings with the same seed and split in both, of variants with equal settings.
    changed: a row for each variant of which such trainings have other scores: variant, trainings,
        changed, largest (difference).
    scores: a row for each variant that was trained with other seeds: variant, measure, the means
        first and second, effect, low, high, p_adjusted, different; the tests are one family.
    answers: the questions of both: question, first, second, differ.
    reversed, not_found, found: the significant findings of one that the other one reverses, leaves
        open, or has too. Of the first two: stated_by, statement, kind.
    """

    first: str
    second: str
    common: list[str]
    other_settings: list[str]
    only_first: list[str]
    only_second: list[str]
    repeated: int
    changed: list[Row]
    scores: list[Row]
    answers: list[Row]
    reversed: list[Row]
    not_found: list[Row]
    found: int

    @property
    def points(self) -> dict[str, int]:
        """What is different in how many cases; empty if they agree wherever both have something."""
        counts = {
            "variants with other settings": len(self.other_settings),
            "trainings of the same seed with other scores": sum(r["changed"] for r in self.changed),
            "significantly different means": sum(row["different"] for row in self.scores),
            "other answers": sum(row["differ"] for row in self.answers),
            "reversed findings": len(self.reversed),
            "findings of one alone": len(self.not_found),
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def summary(self) -> str:
        """The points in a line."""
        found = ", ".join(f"{name}: {count}" for name, count in self.points.items())
        common = f"{len(self.common)} variants with the same settings"
        return f"{self.first} and {self.second}: {common}; {found or 'no disagreement'}"


def relabelled(parts: list[Publication]) -> list[Publication]:
    """The publications with distinct labels; raises DataError if two are the same."""
    contents = [part.model_dump_json(exclude={"label"}) for part in parts]
    if len(set(contents)) < len(contents):
        (twice, *_) = [p for p, c in zip(parts, contents, strict=True) if contents.count(c) > 1]
        raise DataError(f"{twice.label} is given twice: both have the same results")
    seen: Counter[str] = Counter()
    merged = []
    for part in parts:
        seen[part.label] += 1
        number = seen[part.label]
        label = part.label if number == 1 else f"{part.label} ({number})"
        merged.append(part.model_copy(update={"label": label}))
    return merged


def disagreements(parts: list[Publication]) -> list[Disagreements]:
    """The disagreements of each pair of publications."""
    return [_disagreements(*pair) for pair in itertools.combinations(parts, 2)]


def _disagreements(first: Publication, second: Publication) -> Disagreements:
    both = [name for name in first.details if name in second.details]
    same = [name for name in both if first.details[name].key == second.details[name].key]
    # With another seed of the run, a split of the same number has other samples.
    repeated = {name: _repeated(first, second, name) for name in same if first.seed == second.seed}
    changed = [
        {
            "variant": name,
            "trainings": len(gaps),
            "changed": int((gaps > _ROUNDING).sum()),
            "largest": float(gaps.max()),
        }
        for name, gaps in repeated.items()
        if (gaps > _ROUNDING).any()
    ]
    tables = [_run(part) for part in (first, second)]
    found = pd.concat(
        [
            findings(*order).assign(stated_by=label)
            for label, order in ((first.label, tables), (second.label, tables[::-1]))
        ]
    )
    columns = ["stated_by", "statement", "kind"]
    by_outcome: dict[str, list[Row]] = {
        outcome: found.loc[found["outcome"] == outcome, columns].to_dict("records")  # type: ignore[misc]
        for outcome in (REVERSED, NOT_FOUND, FOUND)
    }
    return Disagreements(
        first=first.label,
        second=second.label,
        common=same,
        other_settings=[name for name in both if name not in same],
        only_first=[name for name in first.details if name not in both],
        only_second=[name for name in second.details if name not in both],
        repeated=sum(map(len, repeated.values())),
        changed=changed,
        scores=_scores(first, second, [name for name in same if name not in repeated]),
        answers=_answers(first, second),
        reversed=by_outcome[REVERSED],
        not_found=by_outcome[NOT_FOUND],
        found=len(by_outcome[FOUND]),
    )


def _run(part: Publication) -> Run:
    tables = {key: pd.DataFrame(getattr(part, key)) for key in ("comparison", "pairs", "questions")}
    return Run(**tables)


def _repeated(first: Publication, second: Publication, name: str) -> NDArray[np.float64]:
    """By how much the scores of the trainings with the same seed and split differ."""
    tables = [
        pd.DataFrame(part.details[name].replicates).set_index(["seed", "split"])
        for part in (first, second)
    ]
    one, other = (table[["accuracy", "loss"]].astype(float) for table in tables)
    return (one - other).abs().max(axis=1).dropna().to_numpy()


def _scores(first: Publication, second: Publication, names: list[str]) -> list[Row]:
    """The tests of variants that both have trained with seeds of their own."""
    rows: list[Row] = []
    differences: list[Estimate] = []
    of_first, of_second = ({r["variant"]: r for r in p.comparison} for p in (first, second))
    for name in names:
        one, other = (
            _estimate(part.details[name].replicates, row[name])
            for part, row in ((first, of_first), (second, of_second))
        )
        if one is not None and other is not None:
            loss = of_first[name]["target"] == "number"
            rows.append({"variant": name, "measure": "loss" if loss else "accuracy"})
            for key, estimate in (("first", one), ("second", other)):
                rows[-1][key] = float(np.exp(estimate.mean)) if loss else estimate.mean
            differences.append(independent(one, other))
    adjusted, levels = holm([difference.p for difference in differences])
    for row, difference, p, alpha in zip(rows, differences, adjusted, levels, strict=True):
        interval = difference.interval(alpha)
        ends = interval.exponential() if row["measure"] == "loss" else interval
        row |= {"effect": ends.mean, "low": ends.low, "high": ends.high}
        row |= {"p_adjusted": p, "different": bool(p < ALPHA)}
    return rows


def _estimate(replicates: list[Row], row: Row) -> Estimate | None:
    """The mean of the splits, with the error that the comparison gives it."""
    table = pd.DataFrame(replicates)
    scores = np.log(table["loss"]) if row["target"] == "number" else table["accuracy"]
    if row["splits"] < 2:
        # Of one split, only the seeds differ: both have the same evaluation samples.
        count, variance = len(scores), float(scores.var(ddof=1))
        return (
            Estimate(float(scores.mean()), variance / count, 0.0, count - 1, count)
            if (count > 1)
            else None
        )
    drawn = row["protocol"] != "new"
    overlap = row["evaluation_samples"] / row["training_samples"] if drawn else 0.0
    by_split = scores.groupby(table["split"]).mean().to_numpy(float)
    return SplitScores(by_split[None], overlap).mean(0)


def _answers(first: Publication, second: Publication) -> list[Row]:
    """The questions that both ask of the same two variants."""
    later = {(row["first"], row["second"]): row for row in second.questions}
    return [
        {
            "question": row["question"],
            "differ": row["answer"] != other["answer"],
            "first": row["text"],
            "second": other["text"],
        }
        for row in first.questions
        if (other := later.get((row["first"], row["second"]))) is not None
    ]
