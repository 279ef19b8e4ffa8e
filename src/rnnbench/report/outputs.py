"""The tables that the report stage writes, as later stages read them."""

from __future__ import annotations

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import OTHER, RECURRENT


def read_table(workspace: Workspace, name: str) -> pd.DataFrame:
    """Read metrics/NAME.csv; raises DataError if it is missing or damaged."""
    path = workspace.metrics / f"{name}.csv"
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    # An empty cell of text is no missing number.
    texts = {key: "" for key in ("group", "verdict") if key in table}
    return table.astype(dict.fromkeys(texts, object)).fillna(texts)


def finished(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of variants with at least one replicate that has not diverged."""
    return rows[rows["replicates"] > 0]


def best_network(rows: pd.DataFrame) -> str | None:
    """The first network of rows that have the best variant first; None if there is none."""
    networks = rows.loc[rows["role"].isin([RECURRENT, OTHER]), "variant"]
    return str(networks.iloc[0]) if len(networks) else None
