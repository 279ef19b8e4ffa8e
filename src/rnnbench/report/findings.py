"""The results of the tests, as sentences."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from rnnbench.data.roles import BASELINE, OTHER, RECURRENT
from rnnbench.params import Comparison
from rnnbench.report.markdown import digits, effect, figure, share
from rnnbench.report.outputs import EQUAL, FIRST, NEUTRAL, SECOND, UNTESTED
from rnnbench.report.statistics.estimates import MAX_REPLICATES

_PROTOCOLS = {
    "by_film": "film-disjoint splits",
    "by_group": "splits that keep groups apart",
    "random": "random splits",
    "new": "new data in every split",
    "last": "one split, the last samples",
    "given": "one split, that of the corpus",
    "same": "evaluated on the training samples",
}


# A few trainings find no smaller one; its digits would mean nothing.
_MAX_FACTOR = 1000


class Findings:
    """Sentences about the rows of the comparison, by the tests of its pairs."""

    def __init__(self, rows: pd.DataFrame, pairs: pd.DataFrame) -> None:
        self.rows = {str(row["variant"]): row for row in rows.to_dict("records")}
        self._pairs = {(p["first"], p["second"]): p for p in pairs.to_dict("records")}

    def tested(self, first: str, second: str) -> bool:
        """Whether two variants were compared."""
        return (first, second) in self._pairs or (second, first) in self._pairs

    def better(self, first: str, second: str) -> bool:
        """Whether the first variant is significantly better than the second."""
        # On the splits that both were trained on, either can be the better one.
        for names, sign in (((first, second), 1), ((second, first), -1)):
            if (pair := self._pairs.get(names)) and pair["different"]:
                return bool(sign * (pair["effect"] - NEUTRAL[pair["measure"]]) > 0)
        return False

    def of_set(self, corpus: str, number: int) -> list[str]:
        """Which differences between the variants of an evaluation set are significant."""
        place = {"corpus": corpus, "evaluation_set": number}
        members = [n for n, row in self.rows.items() if place.items() <= row.items()]
        # Nothing is known about a variant that cannot be tested.
        names = [n for n in members if any(self.tested(n, other) for other in members)]
        names.sort(key=self._score, reverse=True)
        roles = {name: self.rows[name]["role"] for name in names}
        networks = [name for name in names if roles[name] in (RECURRENT, OTHER)]
        recurrent = [name for name in names if roles[name] == RECURRENT]
        lines: list[str] = []
        if len(names) > 2:
            lines += self._leader(names, "Of all variants")
        if len(recurrent) > 1 and recurrent[0] != names[0]:
            lines += self._leader(recurrent, "Of the recurrent networks")
        for baseline in (name for name in names if roles[name] == BASELINE):
            tested = [name for name in networks if self.tested(name, baseline)]
            worse = [name for name in tested if self.better(baseline, name)]
            ties = [
                self._found(name, baseline)
                for name in tested
                if name not in worse and not self.better(name, baseline)
            ]
            every = "Every network" + _if_compared(len(tested) < len(networks))
            if worse:
                named = _list([f"`{name}`" for name in worse])
                lines.append(f"Significantly worse than the baseline `{baseline}`: {named}.")
            if ties:
                lines.append(
                    f"Not significantly better than the baseline `{baseline}`: {_list(ties)}."
                )
            if tested and not worse and not ties:
                lines.append(f"{every} is significantly better than the baseline `{baseline}`.")
        if len(names) > 2:
            pairs = [pair for pair in self._pairs.values() if pair["first"] in names]
            different = sum(bool(pair["different"]) for pair in pairs)
            lines.append(f"{different} of {len(pairs)} pairs are significantly different.")
        if any("(" in line for line in lines):
            lines.append("In brackets: the difference that would be found in 80 % of such runs.")
        return lines

    def _leader(self, names: list[str], among: str) -> list[str]:
        """Whether the first variant leads; nothing if it is tested against none of the others."""
        first, *others = names
        tested = [name for name in others if self.tested(first, name)]
        ties = [self._found(name, first) for name in tested if not self.better(first, name)]
        if ties:
            not_better = f"is not significantly better than {_list(ties)}"
            return [f"{among}, `{first}` ranks first, but {not_better}."]
        every = "every other" + _if_compared(len(tested) < len(others))
        return [f"{among}, `{first}` is significantly better than {every}."] if tested else []

    def _found(self, name: str, other: str) -> str:
        """A variant with the difference from another one that would be found."""
        pair = self._pairs.get((name, other)) or self._pairs[other, name]
        return f"`{name}` ({_detectable(pair)})"

    def _score(self, name: str) -> float:
        row = self.rows[name]
        return float(-row["loss"] if row["target"] == "number" else row["accuracy"])


def protocol(name: str) -> str:
    """How the samples are split, in words."""
    return _PROTOCOLS[name]


def answers(
    questions: pd.DataFrame, settings: Comparison, compared: Collection[str]
) -> list[dict[str, str]]:
    """The title of each question, what the data say, and the state.

    The state is known, equal, open or untested. compared: the variants of the comparison; the
    others are not trained and evaluated.
    """
    return [
        {
            "question": row["question"],
            "state": {FIRST: "known", SECOND: "known"}.get(row["answer"], row["answer"]),
            "text": _answer(row, settings, compared),
        }
        for row in questions.to_dict("records")
    ]


def _answer(row: dict[Any, Any], settings: Comparison, compared: Collection[str]) -> str:
    pair = row["first"], row["second"]
    if absent := [f"`{name}`" for name in pair if name not in compared]:
        verb = "is" if len(absent) == 1 else "are"
        return (
            f"Not tested: {_list(absent)} {verb} not trained and evaluated with the settings of "
            "`params.yaml`."
        )
    if row["answer"] in (FIRST, SECOND):
        return f"{'Yes' if row['answer'] == FIRST else 'No'}. {contrast_text(row, settings)}"
    return contrast_text(row, settings)


def contrast_text(row: dict[Any, Any], settings: Comparison) -> str:
    """What the test of two variants has found: a row with the figures of a contrast."""
    if row["answer"] == UNTESTED:
        return untested(row["first"], row["second"])
    margin = settings.margin if row["measure"] == "accuracy" else settings.loss_margin
    shown = f"{margin:g}" if row["measure"] == "accuracy" else share(margin)
    if row["answer"] in (FIRST, SECOND):
        text, low, high = _better(row, margin)
        remark = ""
        if high < 1:
            remark = f" The difference is within the margin of {shown}."
        elif low < 1:
            remark = f" Whether it is more than {shown} is open."
        return f"{text}, {p_value(row['p_adjusted'])}.{remark}"
    if row["answer"] == EQUAL:
        return f"No difference of more than {shown}: {difference(row, margin)}."
    return f"Open: {difference(row, margin)}, {p_value(row['p_adjusted'])}. {power(row)}"


def untested(first: str, second: str) -> str:
    """Why nothing could be tested although both variants are there."""
    return (
        f"Not tested: `{first}` and `{second}` have fewer than two splits in common, or the same "
        "difference in all of them, or a single training, or no finite scores."
    )


def _better(row: dict[Any, Any], margin: float) -> tuple[str, float, float]:
    """Which variant is better and by how much, and the ends of that, with the margin as unit."""
    better, worse = row["first"], row["second"]
    ends = [row["effect"], row["low"], row["high"]]
    loss = row["measure"] == "loss"
    if row["answer"] == SECOND:
        better, worse = worse, better
        ends = [1 / end if loss else -end for end in (ends[0], ends[2], ends[1])]
    what = "error is smaller by a factor of" if loss else "accuracy is higher by"
    limit = 1 + margin if loss else margin
    text = effect(ends, row["measure"], margin)
    low, high = ends[1] / limit, ends[2] / limit
    return f"`{better}` is better than `{worse}`: its {what} {text}", low, high


def difference(row: dict[Any, Any], margin: float) -> str:
    """The effect of a row of the questions with its interval, which `margin` rounds."""
    ends = [row["effect"], row["low"], row["high"]]
    first, second = f"`{row['first']}`", f"`{row['second']}`"
    if row["measure"] == "loss":
        what = f"the error of {second} divided by that of {first}"
    else:
        what = f"the accuracy of {first} minus that of {second}"
    return f"{what} is {effect(ends, row['measure'], margin)}"


def p_value(p: float) -> str:
    """p, rounded so that it stays on its side of 0.05."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.{digits(p, (0.05,), 3)}f}"


def power(row: dict[Any, Any]) -> str:
    """What this design could find, and what it would take to find the observed difference."""
    needed = row["needed"]
    enough = f"not even {MAX_REPLICATES:,}" if pd.isna(needed) else f"{needed:,.0f}"
    found = detectable_text(row, row)
    return f"{found}; {enough} {_unit(row)} of these data would find the observed one."


def detectable_text(row: dict[Any, Any], last: dict[Any, Any]) -> str:
    """What this design could find, from one row to another; a sentence without its end."""
    what = " to ".join(dict.fromkeys([_detectable(row), _detectable(last)]))
    found = f"find a difference of {what} with a probability of 80 %"
    return f"These {row['used']:.0f} {_unit(row)} {found}"


def _unit(row: dict[Any, Any]) -> str:
    return "splits" if row["splits"] > 1 else "trainings"


def _if_compared(some_are_not: bool) -> str:
    return " that could be compared with it" if some_are_not else ""


def _detectable(row: dict[Any, Any]) -> str:
    """The smallest difference that is found with a probability of 80 %."""
    found = row["detectable"]
    if row["measure"] == "loss":
        return (
            f"a factor of {found:.2f}" if found < _MAX_FACTOR else f"a factor over {_MAX_FACTOR:,}"
        )
    return figure(found) if found < 1 else "over 1"


def _list(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
