"""Find one sample of a prepared dataset and format it for a reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.format import FLAGS, Meta, read_prepared
from rnnbench.preprocessing.encoders import has_encoder, read_encoder


@dataclass(frozen=True)
class Sample:
    """One sample as text: its part, its label or target, its content and its length."""

    part: str
    label: str
    text: str
    length: str


def find_sample(directory: Path, number: int) -> Sample:
    """The sample with this number in the corpus.

    Its parts are those of the first split. Raises DataError if there is no such sample, or if a
    file is missing or damaged.
    """
    data = read_prepared(directory)
    samples, splits = data.samples, data.targets.splits
    rows = np.flatnonzero(samples.id == number)
    if not len(rows):
        raise DataError(f"{directory}: no sample {number}")
    row = int(rows[0])
    parts = [part for part, flag in FLAGS.items() if splits[0, row] & flag]
    content = _content(directory, data.meta, samples.x[row])
    return Sample(" and ".join(parts) or "none", _label(data.meta, samples.y[row]), *content)


def _content(directory: Path, meta: Meta, x: NDArray[Any]) -> tuple[str, str]:
    """The sample as text, and its length with a unit."""
    if has_encoder(directory):
        encoder = read_encoder(directory)
        tokens, unit = encoder.decode(x), encoder.dataset.tokens
        return ("|" if unit == "subwords" else " ").join(tokens), f"{len(tokens)} {unit}"
    if meta.encoding != "number":
        return "".join(meta.classes[i] for i in x), f"{len(x)} steps"
    lines = [" ".join(f"{value:g}" for value in np.atleast_1d(step)) for step in x]
    return "\n".join(lines), f"{len(x)} steps"


def _label(meta: Meta, y: Any) -> str:
    if meta.target == "number":
        return f"target {float(y):g}"
    return "".join(meta.classes[i] for i in np.atleast_1d(y))
