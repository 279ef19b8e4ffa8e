"""The results of the paired tests, as sentences."""

from __future__ import annotations

import pandas as pd

from rnnbench.data.roles import BASELINE, OTHER, RECURRENT
from rnnbench.report.markdown import figure, small


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
        pair = self._pairs.get((first, second))
        return pair is not None and bool(pair["different"])

    def compared(self, first: str, second: str) -> str:
        """How two tested variants compare, the better one first, with the gap."""
        if (first, second) not in self._pairs:
            first, second = second, first
        pair = self._pairs[first, second]
        loss = pair["measure"] == "loss"
        shown, what = (small, "mean squared error") if loss else (figure, "accuracy")
        # The first of a pair is the better one, and the better of two errors is the lower one.
        gap, *bounds = (pair[key] * (-1 if loss else 1) for key in ("difference", "low", "high"))
        low, high = sorted(bounds)
        p = "< 0.001" if pair["p_holm"] < 0.001 else f"= {pair['p_holm']:.3f}"
        if pair["different"]:
            result = f"`{first}` is better than `{second}`"
        else:
            result = f"`{first}` and `{second}` are not significantly different"
        interval = f"({shown(low)} to {shown(high)})"
        return f"{result}: {what} differs by {shown(gap)} {interval}, Holm's p {p}"

    def summary(self, corpus: str) -> list[str]:
        """Which differences between the variants of a corpus are significant."""
        sets: dict[int, list[str]] = {}
        for name, row in self.rows.items():
            if row["corpus"] == corpus:
                sets.setdefault(row["evaluation_set"], []).append(name)
        lines = []
        for names in sets.values():
            samples = self.rows[names[0]]["evaluation_samples"]
            where = f" on the same {samples:,} samples" if len(sets) > 1 else ""
            lines += self._of_set(names, where)
        return lines

    def _of_set(self, all_names: list[str], where: str) -> list[str]:
        # Nothing is known about a variant that cannot be tested.
        names = [n for n in all_names if any(self.tested(n, other) for other in all_names)]
        roles = {name: self.rows[name]["role"] for name in names}
        networks = [name for name in names if roles[name] in (RECURRENT, OTHER)]
        recurrent = [name for name in names if roles[name] == RECURRENT]
        lines: list[str] = []
        if len(names) > 2:
            lines.append(self._leader(names, f"Of all variants{where}"))
        if len(recurrent) > 1 and recurrent[0] != names[0]:
            lines.append(self._leader(recurrent, f"Of the recurrent networks{where}"))
        for baseline in (name for name in names if roles[name] == BASELINE):
            not_better = [name for name in networks if not self.better(name, baseline)]
            if not_better:
                lines.append(
                    f"Not significantly better than the baseline `{baseline}`: {_list(not_better)}."
                )
            elif networks:
                lines.append(
                    f"Every network{where} is significantly better than the baseline `{baseline}`."
                )
        if len(names) > 2:
            pairs = [pair for pair in self._pairs.values() if pair["first"] in names]
            different = sum(bool(pair["different"]) for pair in pairs)
            lines.append(f"{different} of {len(pairs)} pairs are significantly different.")
        return lines

    def _leader(self, names: list[str], among: str) -> str:
        first = names[0]
        ties = [name for name in names[1:] if not self.better(first, name)]
        if not ties:
            return f"{among}, `{first}` is significantly better than every other."
        return (
            f"{among}, `{first}` ranks first, but is not significantly different from "
            f"{_list(ties)}."
        )


def _list(names: list[str]) -> str:
    marked = [f"`{name}`" for name in names]
    return " and ".join(filter(None, [", ".join(marked[:-1]), marked[-1]]))
