"""The files of one prepared dataset: compact arrays, and what is needed to read new text alike.

data/prepared/DATASET/
    meta.json                  a `Meta`
    encoder.json, ...          what `rnnbench.preprocessing.encoders` needs to encode new text, if made from text
    {train,evaluation}_x.npy   encoded samples; for samples of different lengths all of them in
                               a row, shape (total,), with {train,evaluation}_offsets.npy
    {train,evaluation}_y.npy   targets, shape (n,) or (n, steps)
    {train,evaluation}_id.npy  number of each sample in the corpus, shape (n,), int32
    OUTSIDE_{x,y,id}.npy       a further evaluation set, for corpora that have one
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.data.ragged import Ragged

Target = Literal["binary", "classes", "steps", "number"]
Encoding = Literal["one_hot", "index", "multi_hot", "number"]


class Meta(Schema):
    """What a model must know of a dataset.

    corpus: the corpus's key in params.yaml.
    encoding: what a model makes of a stored sample: "one_hot" and "multi_hot" vectors of its ids,
        the ids themselves ("index"), or numbers ("number").
    target: "binary" (labels 0 and 1), "classes" (one class id a sample), "steps" (one class id a
        step), or "number".
    classes: one name a class id; empty for numbers.
    shape: the shape of one stored sample; (None,) where samples differ in length.
    vocabulary_size: the number of distinct ids, 0 (padding) included; 0 where samples are no ids.
    tolerance: how near to the target a predicted number counts as right; 0 for other targets.
    out_of_domain: the name of the further evaluation set, if there is one.
    """

    corpus: str
    encoding: Encoding
    target: Target
    classes: tuple[str, ...]
    shape: tuple[int | None, ...]
    vocabulary_size: int
    tolerance: float = 0.0
    out_of_domain: str | None = None


@dataclass(frozen=True)
class Samples:
    """One split: x of shape (n, *Meta.shape) or ragged, y of shape (n,) or (n, steps), id (n,)."""

    x: NDArray[Any] | Ragged
    y: NDArray[Any]
    id: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)


def write_samples(directory: Path, split: str, samples: Samples) -> None:
    """Write one split into `directory`."""
    arrays = {"y": samples.y, "id": samples.id}
    if isinstance(samples.x, Ragged):
        arrays |= {"x": samples.x.values, "offsets": samples.x.offsets}
    else:
        arrays["x"] = samples.x
    for name, array in arrays.items():
        np.save(directory / f"{split}_{name}.npy", array, allow_pickle=False)


def read_samples(directory: Path, split: str) -> Samples:
    """Read one split; raises DataError if a file is missing, damaged, or not as meta.json says."""
    x, y, ids = (read_array(directory / f"{split}_{name}.npy") for name in ("x", "y", "id"))
    samples = Samples(x, y, ids)
    offsets = directory / f"{split}_offsets.npy"
    if offsets.exists():
        samples = Samples(Ragged(x, read_array(offsets)), y, ids)
    if fault := _fault(samples, read_meta(directory)):
        raise DataError(f"{directory}: the {split} arrays are damaged ({fault}); run dvc repro")
    return samples


def read_array(path: Path) -> NDArray[Any]:
    """Read one .npy file, never a pickle; raises DataError if it is missing or damaged."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a readable array ({error}); run dvc repro") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: an archive and no array; run dvc repro")
    return array


def _fault(samples: Samples, meta: Meta) -> str | None:
    """What no samples of this description have, if these have it."""
    x, y, ids = samples.x, samples.y, samples.id
    if isinstance(x, Ragged) != (meta.shape == (None,)):
        return "samples of another kind"
    if isinstance(x, Ragged):
        if not _divide(x.offsets, x.values):
            return "offsets that do not divide the samples"
        values = x.values
    elif x.shape[1:] != meta.shape or not x.ndim:
        return f"samples of shape {x.shape[1:]}"
    else:
        values = x
    n, steps = len(x), meta.shape[:1] if meta.target == "steps" else ()
    if not n or y.shape != (n, *steps) or ids.shape != (n,) or ids.dtype.kind not in "iu":
        return "different lengths, or none"
    if not _within(values, None if meta.encoding == "number" else meta.vocabulary_size):
        return "samples out of range"
    if not _within(y, None if meta.target == "number" else len(meta.classes)):
        return "targets out of range"
    return None


def _divide(offsets: NDArray[Any], values: NDArray[Any]) -> bool:
    if offsets.ndim != 1 or not len(offsets) or offsets.dtype.kind not in "iu" or values.ndim != 1:
        return False
    ends = offsets[0] == 0 and offsets[-1] == len(values)
    return bool(ends and (offsets[1:] >= offsets[:-1]).all())


def _within(values: NDArray[Any], vocabulary_size: int | None) -> bool:
    """Whether all are ids below `vocabulary_size`, or numbers where that is None."""
    if vocabulary_size is None:
        return values.dtype.kind in "iuf" and bool(np.isfinite(values).all())
    if values.dtype.kind not in "iu":
        return False
    return bool(values.min(initial=0) >= 0 and values.max(initial=0) < vocabulary_size)


def write_meta(directory: Path, meta: Meta) -> None:
    """Write meta.json into `directory`."""
    write_json(directory / "meta.json", meta)


def read_meta(directory: Path) -> Meta:
    """Read meta.json; raises DataError if it is missing or damaged."""
    return read_json(directory / "meta.json", Meta)
