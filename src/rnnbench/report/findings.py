"""What the paired tests allow one to say, in sentences."""

from __future__ import annotations

import pandas as pd

from rnnbench.report.markdown import figure, records, small
from rnnbench.report.results import FLOOR, OTHER, RECURRENT


class Findings:
    """Sentences about the rows of the comparison, drawn from its pairs."""

    def __init__(self, rows: pd.DataFrame, pairs: pd.DataFrame) -> None:
        self.rows = {str(row["variant"]): row for row in records(rows)}
        self._pairs = {(str(pair["first"]), str(pair["second"])): pair for pair in records(pairs)}
        self._number = pairs.groupby("corpus")["different"].agg(["size", "sum"])

    def compared(self, first: str, second: str) -> str:
        """How two variants stand to each other, the better one first, with the difference."""
        if (first, second) not in self._pairs:
            first, second = second, first
        pair = self._pairs[first, second]
        less = pair["measure"] == "loss"
        shown, what = (small, "mean squared error") if less else (figure, "accuracy")
        # The first of a pair is the better one, and the better of two errors is the lower one.
        gap, *bounds = (pair[key] * (-1 if less else 1) for key in ("difference", "low", "high"))
        low, high = sorted(bounds)
        difference = f"{shown(gap)} ({shown(low)} to {shown(high)})"
        p = "p < 0.001" if pair["p_holm"] < 0.001 else f"p = {pair['p_holm']:.3f}"
        if pair["different"]:
            result = f"`{first}` is better than `{second}`"
        else:
            result = f"`{first}` and `{second}` cannot be told apart"
        return f"{result}: {what} differs by {difference}, {p}"

    def summary(self, corpus: str) -> list[str]:
        """What is real and what is not among the variants of a corpus, the best first."""
        names = [name for name, row in self.rows.items() if row["corpus"] == corpus]
        roles = {name: self.rows[name]["role"] for name in names}
        networks = [name for name in names if roles[name] in (RECURRENT, OTHER)]
        recurrent = [name for name in names if roles[name] == RECURRENT]
        floors = [name for name in names if roles[name] == FLOOR]
        lines = [self._leader(names, names[0], "Of all variants")] if len(names) > 2 else []
        if len(recurrent) > 1 and recurrent[0] != names[0]:
            lines.append(self._leader(recurrent, recurrent[0], "Of the recurrent networks"))
        for floor in floors:
            not_better = [name for name in networks if not self._is_better(name, floor)]
            if not_better:
                lines.append(
                    f"Not shown to be better than the floor `{floor}`: {_list(not_better)}."
                )
            elif networks:
                lines.append(f"Every network is better than the floor `{floor}`.")
        if len(names) > 2:
            pairs, different = self._number.loc[corpus]
            lines.append(f"{different} of {pairs} pairs can be told apart.")
        return lines

    def ties(self, name: str, names: list[str]) -> list[str]:
        """Those of `names` that cannot be told apart from `name`."""
        letters = set(self.rows[name]["group"])
        return [n for n in names if n != name and letters & set(self.rows[n]["group"])]

    def _leader(self, names: list[str], first: str, whom: str) -> str:
        ties = self.ties(first, names)
        if not ties:
            return f"{whom}, `{first}` is the best, and its lead on each other one is real."
        return f"{whom}, `{first}` comes first, but cannot be told apart from {_list(ties)}."

    def _is_better(self, name: str, other: str) -> bool:
        pair = self._pairs.get((name, other))
        return pair is not None and bool(pair["different"])


def _list(names: list[str]) -> str:
    marked = [f"`{name}`" for name in names]
    return " and ".join(filter(None, [", ".join(marked[:-1]), marked[-1]]))
