"""Where the publications of several projects disagree."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema
from rnnbench.report.outputs import UNTESTED, measure_of
from rnnbench.report.publication.contents import Publication, Row
from rnnbench.report.rerun import FOUND, NOT_FOUND, REVERSED, Run, findings
from rnnbench.report.statistics.estimates import ALPHA, Estimate, independent
from rnnbench.report.statistics.holm import holm

# Scores are published with six digits.
_ROUNDING = 2e-6
# Further decimals of differences of means are errors of rounding.
_DECIMALS = 12
# Protocols whose split does not depend on the seed of the run: only the seed of a training counts.
_FIXED = ("last", "given", "same")


class Disagreements(Schema):
    """What two publications say differently about variants with equal settings.

    first, second: their labels. common: the variants of both with equal settings.
    other_settings: variants of the same name whose settings or data differ; they are compared in
    nothing else. only_first, only_second: variants of one alone. margins: whether those differ.
    repeated: how many trainings have the same seed and the same samples in both.
    changed: a row for each variant of which such trainings have other scores: variant, trainings,
    changed, largest (difference; None if one of them diverged).
    scores: a row for each variant with trainings that are in one publication only: variant,
    measure, the means first and second, effect, low, high, p_adjusted, different; the tests are one
    family.
    answers: the questions of both that could be tested: question, first, second, differ.
    reversed: significant findings whose opposite is one of the other publication: stated_by,
    statement, kind. found, not_found, expected: how many of the findings of one are significant, or
    not, in the other one, and how many were to be expected if all effects were as large as
    observed.
    """

    first: str
    second: str
    common: list[str]
    other_settings: list[str]
    only_first: list[str]
    only_second: list[str]
    margins: bool
    repeated: int
    changed: list[Row]
    scores: list[Row]
    answers: list[Row]
    reversed: list[Row]
    found: int
    not_found: int
    expected: float

    @property
    def points(self) -> dict[str, int]:
        """What is different in how many cases; empty if they agree wherever both have something."""
        counts = {
            "variants with other settings": len(self.other_settings),
            "trainings of the same seed with other scores": sum(r["changed"] for r in self.changed),
            "significantly different means": sum(row["different"] for row in self.scores),
            "other answers": sum(row["differ"] for row in self.answers),
            "reversed findings": len(self.reversed),
            "other margins": int(self.margins),
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
    contents: dict[str, str] = {}
    merged: list[Publication] = []
    for part in parts:
        content = part.model_dump_json(exclude={"label"})
        if content in contents:
            raise DataError(f"{contents[content]} and {part.label} are the same results")
        taken = set(contents.values())
        labels = itertools.chain([part.label], (f"{part.label} ({n})" for n in itertools.count(2)))
        contents[content] = next(label for label in labels if label not in taken)
        merged.append(part.model_copy(update={"label": contents[content]}))
    return merged


def disagreements(parts: list[Publication]) -> list[Disagreements]:
    """The disagreements of each pair of publications."""
    return [_disagreements(*pair) for pair in itertools.combinations(parts, 2)]


def _disagreements(first: Publication, second: Publication) -> Disagreements:
    both = [name for name in first.details if name in second.details]
    same = [name for name in both if first.details[name].key == second.details[name].key]
    trainings = {name: _trainings(first, second, name) for name in same}
    return Disagreements(
        first=first.label,
        second=second.label,
        common=same,
        other_settings=[name for name in both if name not in same],
        only_first=[name for name in first.details if name not in both],
        only_second=[name for name in second.details if name not in both],
        margins=first.margins != second.margins,
        repeated=sum(int((t["_merge"] == "both").sum()) for t in trainings.values()),
        changed=[row for name, t in trainings.items() if (row := _changed(name, t))],
        scores=_scores(first, trainings),
        answers=_answers(first, second, same),
        **_findings(first, second, same),
    )


def _findings(first: Publication, second: Publication, names: list[str]) -> dict[str, Any]:
    """What each publication makes of the significant findings of the other one."""
    runs = [_run(part, names) for part in (first, second)]
    orders = ((first.label, runs), (second.label, runs[::-1]))
    found = pd.concat([findings(*order).assign(stated_by=label) for label, order in orders])
    # The other one states the opposite, so that each reversal is there twice.
    reverse = found[(found["outcome"] == REVERSED) & (found["stated_by"] == first.label)]
    tested = found[found["outcome"].isin([FOUND, NOT_FOUND, REVERSED])]
    return {
        "reversed": reverse[["stated_by", "statement", "kind"]].to_dict("records"),
        "found": int((found["outcome"] == FOUND).sum()),
        "not_found": int((found["outcome"] == NOT_FOUND).sum()),
        "expected": float(tested["expected"].sum()),
    }


def _run(part: Publication, names: list[str]) -> Run:
    """The tables of the variants with equal settings."""
    pairs, questions = (
        [row for row in rows if row["first"] in names and row["second"] in names]
        for rows in (part.pairs, part.questions)
    )
    return Run(*map(pd.DataFrame, (part.comparison, pairs, questions)))


def _trainings(first: Publication, second: Publication, name: str) -> pd.DataFrame:
    """The trainings of a variant in both: scores with the suffixes _1 and _2, and "_merge"."""
    keys = ["seed", "split"]
    parts = []
    for part in (first, second):
        details = part.details[name]
        rows = pd.DataFrame(details.replicates, columns=[*keys, "accuracy", "loss"])
        lost = pd.DataFrame(details.diverged, columns=keys)
        parts.append(pd.concat([rows, lost]).astype({"accuracy": float, "loss": float}))
    (row,) = (row for row in first.comparison if row["variant"] == name)
    if first.seed != second.seed and row["protocol"] not in _FIXED:
        # Splits of the same number have other samples.
        parts[1]["split"] = -1 - parts[1]["split"]
    return parts[0].merge(parts[1], "outer", keys, suffixes=("_1", "_2"), indicator=True)


def _changed(name: str, trainings: pd.DataFrame) -> Row | None:
    """What differs between the trainings that both have; None if nothing does."""
    both = trainings[trainings["_merge"] == "both"]
    gaps = np.maximum(
        (both["accuracy_1"] - both["accuracy_2"]).abs(), (both["loss_1"] - both["loss_2"]).abs()
    )
    diverged = both["accuracy_1"].isna() != both["accuracy_2"].isna()
    changed = diverged | (gaps > _ROUNDING)
    if not changed.any():
        return None
    return {
        "variant": name,
        "trainings": len(both),
        "changed": int(changed.sum()),
        "largest": None if diverged.any() else float(gaps.max()),
    }


def _scores(part: Publication, trainings: dict[str, pd.DataFrame]) -> list[Row]:
    """The tests of the means of trainings that are in one publication only."""
    described = {row["variant"]: row for row in part.comparison}
    rows: list[Row] = []
    differences: list[Estimate] = []
    for name, table in trainings.items():
        measure = measure_of(described[name]["target"])
        fixed = described[name]["protocol"] in _FIXED
        one, other = (
            _estimate(table[table["_merge"] == side], f"_{number}", measure == "loss", fixed)
            for number, side in ((1, "left_only"), (2, "right_only"))
        )
        if one is None or other is None:
            continue
        difference = independent(one, other)
        if difference.error:
            rows.append({"variant": name, "measure": measure})
            for key, estimate in (("first", one), ("second", other)):
                rows[-1][key] = float(np.exp(estimate.mean)) if measure == "loss" else estimate.mean
            differences.append(difference)
    adjusted, levels = holm([difference.p for difference in differences])
    for row, difference, p, alpha in zip(rows, differences, adjusted, levels, strict=True):
        interval = difference.interval(alpha)
        ends = interval.exponential() if row["measure"] == "loss" else interval
        row |= {"effect": ends.mean, "low": ends.low, "high": ends.high}
        row |= {"p_adjusted": p, "different": bool(p < ALPHA)}
    return rows


def _estimate(rows: pd.DataFrame, suffix: str, loss: bool, fixed: bool) -> Estimate | None:
    """The mean of the splits, or of the seeds on a fixed split; None without an error.

    Both projects draw from the same corpus: what their splits have in common, which widens the
    intervals of the comparison, is no part of the difference between the two.
    """
    scores = rows[f"{'loss' if loss else 'accuracy'}{suffix}"].dropna()
    if loss and (scores <= 0).any():
        return None
    values = np.log(scores) if loss else scores
    if not fixed:
        values = values.groupby(rows["split"]).mean()
    count = len(values)
    if count < 2:
        return None
    variance = round(float(values.var(ddof=1)), 2 * _DECIMALS) / count
    return Estimate(round(float(values.mean()), _DECIMALS), variance, 0.0, count - 1, count)


def _answers(first: Publication, second: Publication, names: list[str]) -> list[Row]:
    """The questions that both ask of the same two variants."""
    later = {frozenset((row["first"], row["second"])): row for row in second.questions}
    rows = []
    for row in first.questions:
        pair = frozenset((row["first"], row["second"]))
        other = later.get(pair)
        if other is None or not pair <= set(names) or UNTESTED in (row["answer"], other["answer"]):
            continue
        # The same question can be asked the other way round.
        one, two = (r.get(r["answer"], r["answer"]) for r in (row, other))
        rows.append(
            {
                "question": row["question"],
                "differ": one != two,
                "first": row["text"],
                "second": other["text"],
            }
        )
    return rows
