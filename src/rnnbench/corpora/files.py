"""The files of fetched corpora: lines of JSON for texts, arrays for numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, Documents
from rnnbench.data.format import read_array

Label = int | str


class _Row(Schema):
    text: str
    label: Label


class _Record(Schema):
    """corpus.json of a corpus of numbers: what the arrays do not contain."""

    tolerance: float = Field(gt=0)


def write_texts(path: Path, rows: Iterable[tuple[str, Label]]) -> None:
    """Write one JSON object per line, text and label, as UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for text, label in rows:
            file.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


def read_texts(
    path: Path, encoding: str, labels: Sequence[Label], count: int | None = None
) -> Documents:
    """Read what `write_texts` wrote.

    encoding: the character encoding of the returned texts.
    labels: the labels by class id.
    count: the expected number of texts, if it is known.
    Raises DataError if the file is missing or damaged.
    """
    ids = {label: i for i, label in enumerate(labels)}
    rows = []
    try:
        with path.open("rb") as file:
            for line in file:
                row = _Row.model_validate_json(line)
                rows.append((row.text.encode(encoding), ids[row.label]))
    except (OSError, ValidationError, UnicodeEncodeError, KeyError) as error:
        problem = f"missing, or damaged at line {len(rows) + 1}"
        raise DataError(f"{path}: {problem}; run dvc repro") from error
    if count not in (None, len(rows)):
        raise DataError(f"{path}: {len(rows)} texts, expected {count}; run dvc repro")
    return Documents([text for text, _ in rows], np.array([i for _, i in rows], np.int64))


def write_arrays(directory: Path, x: NDArray[Any], y: NDArray[Any], tolerance: float) -> None:
    """Write x.npy, shape (n, steps, features), y.npy, shape (n,), and corpus.json."""
    np.save(directory / "x.npy", x, allow_pickle=False)
    np.save(directory / "y.npy", y, allow_pickle=False)
    write_json(directory / "corpus.json", _Record(tolerance=tolerance))


def read_arrays(directory: Path, features: int) -> ArrayCorpus:
    """Read what `write_arrays` wrote; raises DataError if a file is damaged or misshapen."""
    record = read_json(directory / "corpus.json", _Record)
    x, y = (read_array(directory / f"{name}.npy") for name in ("x", "y"))
    if x.ndim != 3 or x.shape[::2] != (*y.shape, features):
        raise DataError(
            f"{directory}: x.npy of shape {x.shape} and y.npy of shape {y.shape}, "
            f"expected (n, steps, {features}) and (n,); run dvc repro"
        )
    return ArrayCorpus(x=x, y=y, encoding="number", target="number", tolerance=record.tolerance)
