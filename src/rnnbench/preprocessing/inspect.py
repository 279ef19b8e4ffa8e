"""Find one sample of a prepared dataset and format it for a reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.format import Meta, read_meta, read_samples
from rnnbench.preprocessing.encoders import ENCODER, read_encoder


@dataclass(frozen=True)
class Sample:
    """One sample as text: its split, its label or target, its content and its length."""

    split: str
    label: str
    text: str
    length: str


def find_sample(directory: Path, number: int) -> Sample:
    """The sample with this number in the corpus.

    Raises DataError if no split contains it, or if a file is missing or damaged.
    """
    for split in ("train", "evaluation"):
        samples = read_samples(directory, split)
        rows = np.flatnonzero(samples.id == number)
        if len(rows):
            x, y, meta = samples.x[int(rows[0])], samples.y[rows[0]], read_meta(directory)
            return Sample(split, _label(meta, y), *_content(directory, meta, x))
    raise DataError(f"{directory}: no sample {number} in the training or the evaluation split")


def _content(directory: Path, meta: Meta, x: NDArray[Any]) -> tuple[str, str]:
    """The sample as text, and its length with a unit."""
    if (directory / ENCODER).exists():
        encoder = read_encoder(directory)
        tokens, unit = encoder.decode(x), encoder.dataset.tokens
        return ("|" if unit == "subwords" else " ").join(tokens), f"{len(tokens)} {unit}"
    if meta.classes:
        return "".join(meta.classes[i] for i in x), f"{len(x)} steps"
    lines = [" ".join(f"{value:g}" for value in np.atleast_1d(step)) for step in x]
    return "\n".join(lines), f"{len(x)} steps"


def _label(meta: Meta, y: Any) -> str:
    if meta.target == "number":
        return f"target {float(y):g}"
    return "".join(meta.classes[i] for i in np.atleast_1d(y))
