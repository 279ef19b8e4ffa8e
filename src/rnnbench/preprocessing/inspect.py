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
    rows = np.flatnonzero(data.samples.id == number)
    if not len(rows):
        raise DataError(f"{directory}: no sample {number}")
    meta, row = data.meta, int(rows[0])
    x, label = data.samples.x[row], label_of(meta, data.samples.y[row])
    parts = [part for part, flag in FLAGS.items() if data.targets.splits[0, row] & flag]
    length = f"{len(x)} steps"
    if has_encoder(directory):
        encoder = read_encoder(directory)
        tokens, unit = encoder.decode(x), encoder.dataset.tokens
        text, length = ("|" if unit == "subwords" else " ").join(tokens), f"{len(tokens)} {unit}"
    elif meta.encoding != "number":
        text = "".join(meta.classes[i] for i in x)
    else:
        text = "\n".join(" ".join(f"{v:g}" for v in np.atleast_1d(step)) for step in x)
    title = "target " if meta.target == "number" else ""
    return Sample(" and ".join(parts) or "none", title + label, text, length)


def label_of(meta: Meta, y: NDArray[Any]) -> str:
    """The label of a sample as text: a class, those of its steps, or a number."""
    if meta.target == "number":
        return f"{float(y):g}"
    return "".join(meta.classes[i] for i in np.atleast_1d(y))
