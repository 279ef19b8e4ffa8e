"""The files of one prepared dataset: compact arrays, and an encoder for new text.

data/prepared/DATASET/
    meta.json                  a `Meta`
    summary.json               a `Summary`
    encoder.json, ...          for texts: what `rnnbench.preprocessing.encoders` reads
    {train,evaluation}_x.npy   encoded samples, shape (n, *Meta.shape); samples of different
                               lengths one after the other, shape (total,), with
                               {train,evaluation}_offsets.npy, shape (n + 1,), int64
    {train,evaluation}_y.npy   targets, shape (n,) or (n, steps)
    {train,evaluation}_id.npy  number of each sample in the corpus, shape (n,), int32
    OUT_OF_DOMAIN_{x,y,id}.npy the out-of-domain test set, under its name, if there is one
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
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
    """What a model needs to know about a dataset.

    corpus: the corpus's key in params.yaml.
    encoding: the model's input for a stored sample: "one_hot" or "multi_hot" vectors of its ids,
        the ids themselves ("index"), or numbers ("number").
    target: "binary" (labels 0 and 1), "classes" (one class id per sample), "steps" (one class id
        per step), or "number".
    classes: the class names by class id; empty for numbers.
    shape: the shape of one stored sample; (None,) if samples differ in length.
    vocabulary_size: the number of distinct ids, 0 (padding) included; 0 if samples are not ids.
    tolerance: the largest absolute error of a correct prediction; 0 unless the target is "number".
    out_of_domain: the name of the out-of-domain test set, if there is one.
    """

    corpus: str
    encoding: Encoding
    target: Target
    classes: tuple[str, ...]
    shape: tuple[int | None, ...]
    vocabulary_size: int
    tolerance: float = 0.0
    out_of_domain: str | None = None


class Summary(Schema):
    """The size of a dataset and the overlap of its splits.

    training_samples, evaluation_samples: the number of samples of each split.
    out_of_domain_samples: likewise, None without an out-of-domain test set.
    also_in_training: the number of evaluation samples whose stored x equals that of some training
        sample; their targets may differ.
    distinct_targets: the number of distinct target values in both splits together.
    """

    training_samples: int
    evaluation_samples: int
    out_of_domain_samples: int | None
    also_in_training: int
    distinct_targets: int


@dataclass(frozen=True)
class Samples:
    """One split.

    x: shape (n, *Meta.shape), or ragged if Meta.shape is (None,).
    y: shape (n,) or, for target "steps", (n, steps).
    id: numbers in the corpus, shape (n,).
    """

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
    """Read one split; raises DataError if a file is missing, damaged or contradicts meta.json."""
    x: NDArray[Any] | Ragged
    x, y, ids = (read_array(directory / f"{split}_{name}.npy") for name in ("x", "y", "id"))
    offsets = directory / f"{split}_offsets.npy"
    if offsets.exists():
        x = Ragged(x, read_array(offsets))
    samples = Samples(x, y, ids)
    if problem := _problem(samples, read_meta(directory)):
        raise DataError(f"{directory}: the {split} arrays are damaged ({problem}); run dvc repro")
    return samples


def read_array(path: Path) -> NDArray[Any]:
    """Read one .npy file, never a pickle; raises DataError if it is missing or damaged."""
    try:
        # Unlike np.load, this refuses .npz archives.
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable array ({error}); run dvc repro") from error


def _problem(samples: Samples, meta: Meta) -> str | None:
    """Why samples do not match the description, if they do not."""
    x, y, ids = samples.x, samples.y, samples.id
    if isinstance(x, Ragged) != (meta.shape == (None,)):
        return "samples ragged or not, unlike meta.json"
    if isinstance(x, Ragged):
        if not _are_offsets(x.offsets, x.values):
            return "offsets that do not match the values"
    elif not x.ndim or x.shape[1:] != meta.shape:
        return f"samples of shape {x.shape[1:]}"
    values = x.values if isinstance(x, Ragged) else x
    n, steps = len(x), meta.shape[:1] if meta.target == "steps" else ()
    if not n or y.shape != (n, *steps) or ids.shape != (n,) or ids.dtype.kind not in "iu":
        return "numbers of samples that differ, or are 0"
    if not _in_range(values, None if meta.encoding == "number" else meta.vocabulary_size):
        return "samples out of range"
    if not _in_range(y, None if meta.target == "number" else len(meta.classes)):
        return "targets out of range"
    return None


def _are_offsets(offsets: NDArray[Any], values: NDArray[Any]) -> bool:
    if offsets.ndim != 1 or not len(offsets) or offsets.dtype.kind not in "iu" or values.ndim != 1:
        return False
    ends = offsets[0] == 0 and offsets[-1] == len(values)
    return bool(ends and (offsets[1:] >= offsets[:-1]).all())


def _in_range(values: NDArray[Any], vocabulary_size: int | None) -> bool:
    """Whether all are ids below `vocabulary_size`, or finite numbers if that is None."""
    if vocabulary_size is None:
        return values.dtype.kind in "iuf" and bool(np.isfinite(values).all())
    if values.dtype.kind not in "iu":
        return False
    return bool(values.min(initial=0) >= 0 and values.max(initial=0) < vocabulary_size)


def read_meta(directory: Path) -> Meta:
    """Read meta.json; raises DataError if it is missing or damaged."""
    return read_json(directory / "meta.json", Meta)


def write_dataset(directory: Path, meta: Meta, splits: Iterable[tuple[str, Samples]]) -> None:
    """Write all files but the encoder's into `directory`, one split after the other.

    splits: names and samples, "train" and "evaluation" among them; each is released once it is
        written.
    """
    counts, hashes, targets = {}, {}, {}
    for name, samples in splits:
        write_samples(directory, name, samples)
        counts[name] = len(samples)
        hashes[name] = _hashes(samples.x)
        targets[name] = np.unique(samples.y)
    summary = Summary(
        training_samples=counts["train"],
        evaluation_samples=counts["evaluation"],
        out_of_domain_samples=counts.get(meta.out_of_domain or ""),
        also_in_training=int(np.isin(hashes["evaluation"], hashes["train"]).sum()),
        distinct_targets=len(np.union1d(targets["train"], targets["evaluation"])),
    )
    write_json(directory / "meta.json", meta)
    write_json(directory / "summary.json", summary)


def read_summary(directory: Path) -> Summary:
    """Read summary.json; raises DataError if it is missing or damaged."""
    return read_json(directory / "summary.json", Summary)


def _hashes(x: NDArray[Any] | Ragged) -> NDArray[np.uint64]:
    """A 64-bit hash of the bytes of each of n samples, shape (n,).

    Among a million samples, two different ones share a hash with a probability below 1e-7.
    """
    digests = (blake2b(x[i].tobytes(), digest_size=8).digest() for i in range(len(x)))
    return np.frombuffer(b"".join(digests), np.uint64)
