"""Variants on the same evaluation samples, compared pair by pair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.letters import letters
from rnnbench.pairs import COLUMNS, compare
from rnnbench.params import Params
from rnnbench.prepared import read_array, read_meta, read_samples
from rnnbench.targets import losses, right
from rnnbench.workspace import Workspace


def compare_all(
    workspace: Workspace, params: Params, ranked: list[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """All pairs of variants on the same samples, and the letters of each variant.

    ranked: the variants, the best of each corpus first. Numbers are compared by their squared
    error, everything else by its right answers; the column "measure" says which.
    Raises DataError if a variant's files are missing or damaged.
    """
    tables: list[pd.DataFrame] = []
    marks: dict[str, str] = {}
    for corpus, measure, group in _groups(workspace, params, ranked):
        pairs = compare(group)
        pairs.insert(0, "measure", measure)
        pairs.insert(0, "corpus", corpus)
        tables.append(pairs)
        told_apart = pairs.loc[pairs["different"], ["first", "second"]]
        marks |= letters(list(group), told_apart.itertuples(index=False, name=None))
    columns = ["corpus", "measure", *COLUMNS]
    return pd.concat(tables) if tables else pd.DataFrame(columns=columns), marks


def _groups(
    workspace: Workspace, params: Params, ranked: list[str]
) -> Iterator[tuple[str, str, dict[str, NDArray[np.float64]]]]:
    """Corpus, measure, and the scores of each variant, for each set of evaluation samples."""
    found: dict[tuple[str, str, bytes], dict[str, NDArray[np.float64]]] = {}
    for name in ranked:
        folder = workspace.prepared(params.variant(name).dataset)
        meta, judged = read_meta(folder), read_samples(folder, "evaluation")
        prediction = read_array(workspace.predictions(name) / "evaluation.npy")
        measure, score = ("loss", losses) if meta.target == "number" else ("accuracy", right)
        key = (meta.corpus, measure, judged.id.tobytes())
        found.setdefault(key, {})[name] = score(meta, prediction, judged.y)
    for (corpus, measure, _), group in found.items():
        yield corpus, measure, group
