"""What a variant is in the comparison, and whether it has a score there."""

from __future__ import annotations

import pandas as pd

RECURRENT, OTHER, BASELINE, STRONG_BASELINE = (
    "recurrent network",
    "other network",
    "floor",
    "ceiling",
)


def finished(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of variants of which a replicate is left that has not diverged."""
    return rows[rows["replicates"] > 0]


def best_network(rows: pd.DataFrame) -> str | None:
    """The first network of the rows, which have the best variant first; None if there is none."""
    networks = rows.loc[rows["role"].isin([RECURRENT, OTHER]), "variant"]
    return str(networks.iloc[0]) if len(networks) else None
