"""The files of one prepared dataset: compact arrays, and what is needed to read new text alike.

data/prepared/DATASET/
    meta.json               a `Meta`
    vocabulary.json         words by id, for datasets made from text
    {train,evaluation}_x.npy   encoded samples
    {train,evaluation}_y.npy   targets, shape (n,)
    {train,evaluation}_id.npy  number of each sample in the corpus, shape (n,), int32
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rnnbench.errors import DataError
from rnnbench.settings import Settings


class Meta(Settings):
    """What a model must know of a dataset.

    corpus: the corpus's key in params.yaml.
    encoding: how samples are stored, as in params.yaml.
    target: "binary" (labels 0 and 1).
    classes: one name a class id.
    shape: the shape of one stored sample.
    depth: the number of distinct ids, 0 (padding) included; one-hot width, Embedding input_dim.
    skip_top: ids from 3 up to this one, exclusive, are left out.
    padding: the side on which short samples are filled and long ones cut.
    text_encoding: how the corpus's bytes become words.
    majority: the share of the most frequent class in the evaluation split.
    """

    corpus: str
    encoding: str
    target: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    depth: int
    skip_top: int
    padding: str
    text_encoding: str
    majority: float


@dataclass(frozen=True)
class Samples:
    """One split: x of shape (n, *Meta.shape), y of shape (n,), id of shape (n,)."""

    x: NDArray[Any]
    y: NDArray[Any]
    id: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)


def write_samples(directory: Path, split: str, samples: Samples) -> None:
    """Write one split into `directory`."""
    for name in ("x", "y", "id"):
        np.save(directory / f"{split}_{name}.npy", getattr(samples, name), allow_pickle=False)


def read_samples(directory: Path, split: str) -> Samples:
    """Read one split; raises DataError if a file is missing or damaged."""
    arrays = {}
    for name in ("x", "y", "id"):
        path = directory / f"{split}_{name}.npy"
        try:
            arrays[name] = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{path}: not a readable array ({error}); run dvc repro") from error
    if len({len(array) for array in arrays.values()}) != 1:
        raise DataError(f"{directory}: the {split} arrays differ in length; run dvc repro")
    return Samples(**arrays)


def write_meta(directory: Path, meta: Meta) -> None:
    """Write meta.json into `directory`."""
    (directory / "meta.json").write_text(meta.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_meta(directory: Path) -> Meta:
    """Read meta.json; raises DataError if it is missing or damaged."""
    path = directory / "meta.json"
    try:
        return Meta.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: not a readable description; run dvc repro") from error
