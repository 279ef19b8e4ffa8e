"""Labelled texts as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema
from rnnbench.corpora.base import Documents

Label = int | str | float


class _Row(Schema):
    text: str
    label: int | str


class _NumberRow(Schema):
    text: str
    label: float


def write_texts(path: Path, rows: Iterable[tuple[str, Label]]) -> None:
    """Write one JSON object per line, text and label, as UTF-8."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for text, label in rows:
            file.write(encode({"text": text, "label": label}) + "\n")


def read_texts(
    path: Path, encoding: str, labels: Sequence[int | str] | None, count: int | None = None
) -> Documents:
    """Read what `write_texts` wrote.

    encoding: the character encoding of the returned texts.
    labels: the labels by class id; None if they are numbers.
    count: the expected number of texts, if it is known.
    Raises DataError if the file is missing or damaged.
    """
    ids = {label: i for i, label in enumerate(labels or ())}
    rows: list[tuple[bytes, float]] = []
    try:
        with path.open("rb") as file:
            for line in file:
                if labels is None:
                    number = _NumberRow.model_validate_json(line)
                    rows.append((number.text.encode(encoding), number.label))
                else:
                    row = _Row.model_validate_json(line)
                    rows.append((row.text.encode(encoding), ids[row.label]))
    except (OSError, ValidationError, UnicodeEncodeError, KeyError) as error:
        problem = f"missing, or damaged at line {len(rows) + 1}"
        raise DataError(f"{path}: {problem}; run dvc repro") from error
    if count not in (None, len(rows)):
        raise DataError(f"{path}: {len(rows)} texts, expected {count}; run dvc repro")
    dtype = np.float32 if labels is None else np.int64
    return Documents([text for text, _ in rows], np.array([label for _, label in rows], dtype))
