"""What a variant is in the comparison."""

from __future__ import annotations

import pandas as pd

RECURRENT, OTHER, FLOOR, CEILING = "recurrent network", "other network", "floor", "ceiling"


def best_network(rows: pd.DataFrame) -> str | None:
    """The first network of the rows, which have the best variant first; None if there is none."""
    networks = rows.loc[rows["role"].isin([RECURRENT, OTHER]), "variant"]
    return str(networks.iloc[0]) if len(networks) else None
