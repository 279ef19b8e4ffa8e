"""Groups of variants that are not significantly different, as letters.

Two variants share a letter if and only if their difference is not significant (Piepho, "An
algorithm for a letter-based representation of all-pairwise comparisons", Journal of
Computational and Graphical Statistics 13, 2004: insert and absorb).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable


def letters(names: list[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The letters of each name, best first: "a" goes to the group of the first name.

    different: the pairs that differ significantly.
    """
    groups = [frozenset(names)]
    for first, second in different:
        split = []
        for group in groups:
            if first in group and second in group:
                split += [group - {first}, group - {second}]
            else:
                split.append(group)
        groups = [g for g in dict.fromkeys(split) if not any(g < other for other in split)]
    rank = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(rank[name] for name in group))
    # After z come further letters of Unicode.
    marks = filter(str.isalpha, map(chr, itertools.count(ord("a"))))
    marked = list(zip(groups, marks, strict=False))
    return {name: "".join(mark for group, mark in marked if name in group) for name in names}
