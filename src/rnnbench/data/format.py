"""The files of one prepared dataset: compact arrays, and an encoder for new text.

data/prepared/DATASET/
    meta.json           a `Meta`
    summary.json        a `Summary`
    encoder.json, ...   for texts: what `rnnbench.preprocessing.encoders` reads
    x.npy               all encoded samples, shape (n, *Meta.shape); samples of different lengths
                        one after the other, shape (total,), with offsets.npy, shape (n + 1,), int64
    y.npy               targets, shape (n,) or (n, steps)
    id.npy              number of each sample in the corpus, shape (n,), int32
    splits.npy          flags of each sample in each split, shape (splits, n), uint8
    NAME_{x,y,id}.npy   each further evaluation set, under its name
    split_0/, ...       if each split has a vocabulary of its own: its encoder and further sets. Of
                        each sample, x.npy then has a copy for each split, and so has splits.npy
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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
Part = Literal["train", "validation", "evaluation"]
# Of a sample in one split. DUPLICATE marks an evaluation sample whose stored x equals that of some
# training sample; their targets may differ.
FLAGS: dict[Part, int] = {"train": 1, "validation": 2, "evaluation": 4}
DUPLICATE = 8


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
    further_sets: the names of further evaluation sets, such as texts of another domain; they belong
        to no split.
    """

    corpus: str
    encoding: Encoding
    target: Target
    classes: tuple[str, ...]
    shape: tuple[int | None, ...]
    vocabulary_size: int
    tolerance: float = 0.0
    further_sets: tuple[str, ...] = ()


class Summary(Schema):
    """The size of a dataset and of the parts of each split.

    protocol: how it is split, `rnnbench.data.config.ArrayDataset.split`.
    splits: the number of splits.
    training_samples, validation_samples, evaluation_samples: the size of each part, the same in
        all splits.
    further_samples: the size of each further evaluation set.
    also_in_training: the number of evaluation samples whose stored x equals that of some training
        sample, averaged over the splits.
    distinct_targets: the number of distinct target values.
    """

    protocol: str
    splits: int
    training_samples: int
    validation_samples: int
    evaluation_samples: int
    further_samples: dict[str, int]
    also_in_training: float
    distinct_targets: int


@dataclass(frozen=True)
class Samples:
    """Some samples of a dataset.

    x: shape (n, *Meta.shape), or ragged if Meta.shape is (None,).
    y: shape (n,) or, for target "steps", (n, steps).
    id: numbers in the corpus, shape (n,).
    """

    x: NDArray[Any] | Ragged
    y: NDArray[Any]
    id: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)


def concatenate(parts: Sequence[Samples]) -> Samples:
    """The samples of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    ragged = [part.x for part in parts if isinstance(part.x, Ragged)]
    x = Ragged.concatenate(ragged) if ragged else np.concatenate([part.x for part in parts])
    y, ids = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "id"))
    return Samples(x, y, ids)


@dataclass(frozen=True)
class Targets:
    """The targets of all samples of a dataset, and its splits.

    y: shape (n,) or, for target "steps", (n, steps).
    id: numbers in the corpus, shape (n,).
    splits: flags, shape (splits, n).
    """

    y: NDArray[Any]
    id: NDArray[np.int32]
    splits: NDArray[np.uint8]

    def rows(self, split: int, part: Part) -> NDArray[np.int64]:
        """The samples of one part of a split, ascending."""
        return np.flatnonzero(self.splits[split] & FLAGS[part])


@dataclass(frozen=True)
class Prepared:
    """A prepared dataset in memory; `samples` are all samples of all splits."""

    meta: Meta
    samples: Samples
    targets: Targets

    def part(self, split: int, part: Part) -> Samples:
        """The samples of one part of a split."""
        rows = self.targets.rows(split, part)
        all_x = self.samples.x
        x = all_x.take(rows) if isinstance(all_x, Ragged) else all_x[rows]
        return Samples(x, self.samples.y[rows], self.samples.id[rows])


def read_prepared(directory: Path) -> Prepared:
    """Read a dataset; raises DataError if a file is missing or damaged."""
    meta = read_meta(directory)
    return Prepared(meta, _read_samples(directory, meta), read_targets(directory))


def read_targets(directory: Path) -> Targets:
    """Read targets and splits without the samples; raises DataError as `read_prepared` does."""
    y, ids, splits = (read_array(directory / f"{name}.npy") for name in ("y", "id", "splits"))
    if splits.shape[1:] != ids.shape or not len(splits) or splits.dtype != np.uint8:
        raise DataError(f"{directory}: splits.npy is damaged; run dvc repro")
    return Targets(y, ids, splits)


def split_folder(directory: Path, split: int) -> Path:
    """Where the encoder and the further sets of one split are."""
    own = directory / f"split_{split}"
    return own if own.is_dir() else directory


def read_further(directory: Path, name: str, split: int = 0) -> Samples:
    """Read a further evaluation set as one split has it, by default the first.

    Raises DataError if a file is missing or damaged.
    """
    return _read_samples(split_folder(directory, split), read_meta(directory), f"{name}_")


def write_samples(directory: Path, samples: Samples, prefix: str = "") -> None:
    """Write the arrays of samples; prefix: ``NAME_`` of a further evaluation set."""
    arrays = {"y": samples.y, "id": samples.id}
    if isinstance(samples.x, Ragged):
        arrays |= {"x": samples.x.values, "offsets": samples.x.offsets}
    else:
        arrays["x"] = samples.x
    for name, array in arrays.items():
        np.save(directory / f"{prefix}{name}.npy", array, allow_pickle=False)


def _read_samples(directory: Path, meta: Meta, prefix: str = "") -> Samples:
    x: NDArray[Any] | Ragged
    x, y, ids = (read_array(directory / f"{prefix}{name}.npy") for name in ("x", "y", "id"))
    offsets = directory / f"{prefix}offsets.npy"
    if offsets.exists():
        x = Ragged(x, read_array(offsets))
    samples = Samples(x, y, ids)
    if problem := _problem(samples, meta):
        raise DataError(
            f"{directory}: the arrays {prefix}*.npy are damaged ({problem}); run dvc repro"
        )
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


def write_dataset(
    directory: Path,
    meta: Meta,
    protocol: str,
    samples: Samples,
    splits: NDArray[np.uint8],
    further: Mapping[str, int] | None = None,
) -> None:
    """Write all files but those of the encoders and of further sets into `directory`.

    protocol: `Summary.protocol`. splits: flags, shape (splits, n), without DUPLICATE, which is
    added here. further: the size of each further set.
    """
    splits = splits | _duplicates(samples.x, splits)
    write_samples(directory, samples)
    np.save(directory / "splits.npy", splits, allow_pickle=False)
    sizes = {part: int(np.count_nonzero(splits[0] & flag)) for part, flag in FLAGS.items()}
    summary = Summary(
        protocol=protocol,
        splits=len(splits),
        training_samples=sizes["train"],
        validation_samples=sizes["validation"],
        evaluation_samples=sizes["evaluation"],
        further_samples=dict(further or {}),
        also_in_training=np.count_nonzero(splits & DUPLICATE) / len(splits),
        distinct_targets=len(np.unique(samples.y)),
    )
    write_json(directory / "meta.json", meta)
    write_json(directory / "summary.json", summary)


def _duplicates(x: NDArray[Any] | Ragged, splits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """DUPLICATE for the evaluation samples that are also training samples, shape (splits, n)."""
    hashes = _hashes(x)
    flags = np.zeros_like(splits)
    for split, found in zip(splits, flags, strict=True):
        evaluation = (split & FLAGS["evaluation"]) > 0
        train = (split & FLAGS["train"]) > 0
        found[evaluation] = np.isin(hashes[evaluation], hashes[train]) * DUPLICATE
    return flags


def read_summary(directory: Path) -> Summary:
    """Read summary.json; raises DataError if it is missing or damaged."""
    return read_json(directory / "summary.json", Summary)


def training_data_digest(directory: Path) -> str:
    """The SHA-256 of all files of a dataset that a training reads; encoders are not among them."""
    found = hashlib.sha256()
    for path in sorted((directory / "meta.json", *directory.rglob("*.npy"))):
        found.update(path.relative_to(directory).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _hashes(x: NDArray[Any] | Ragged) -> NDArray[np.uint64]:
    """A 64-bit hash of the bytes of each of n samples, shape (n,).

    Among a million samples, two different ones share a hash with a probability below 1e-7.
    """
    digests = (hashlib.blake2b(x[i].tobytes(), digest_size=8).digest() for i in range(len(x)))
    return np.frombuffer(b"".join(digests), np.uint64)
