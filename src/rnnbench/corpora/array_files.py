"""The files of a corpus whose samples and targets are numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.data.format import read_array


class _Record(Schema):
    """corpus.json: what the arrays do not contain."""

    tolerance: float = Field(gt=0)


def write(directory: Path, x: NDArray[Any], y: NDArray[Any], tolerance: float) -> None:
    """Write x.npy, shape (n, steps, features), y.npy, shape (n,), and corpus.json."""
    np.save(directory / "x.npy", x, allow_pickle=False)
    np.save(directory / "y.npy", y, allow_pickle=False)
    write_json(directory / "corpus.json", _Record(tolerance=tolerance))


def read(directory: Path, features: int) -> ArrayCorpus:
    """Read what `write` wrote; raises DataError if a file is missing, damaged or misshapen."""
    record = read_json(directory / "corpus.json", _Record)
    x, y = (read_array(directory / f"{name}.npy") for name in ("x", "y"))
    if x.ndim != 3 or x.shape[::2] != (*y.shape, features):
        raise DataError(
            f"{directory}: x.npy of shape {x.shape} and y.npy of shape {y.shape}, "
            f"expected (n, steps, {features}) and (n,); run dvc repro"
        )
    return ArrayCorpus(x=x, y=y, encoding="number", target="number", tolerance=record.tolerance)
