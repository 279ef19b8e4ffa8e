"""Several tests that are one family (Holm, Scandinavian Journal of Statistics 6, 1979)."""

from __future__ import annotations

import numpy as np

from rnnbench.report.statistics.estimates import ALPHA


def holm(p: list[float]) -> tuple[list[float], list[float]]:
    """The adjusted p of each test, and the level that its interval needs to agree with it.

    The interval at that level contains 0 exactly if the adjusted p is above 0.05. Holm tests the
    smallest p at level 0.05 / tests, the next one at 0.05 / (tests - 1), and so on until one is
    not significant; that one's level then holds for all that follow.
    """
    order = np.argsort(p, kind="stable")
    adjusted, levels = np.empty(len(p)), np.empty(len(p))
    highest, level, stopped = 0.0, ALPHA, False
    for place, number in enumerate(order):
        if not stopped:
            level = ALPHA / (len(p) - place)
            stopped = p[number] >= level
        highest = max(highest, min(1.0, p[number] * (len(p) - place)))
        adjusted[number], levels[number] = highest, level
    return adjusted.tolist(), levels.tolist()
