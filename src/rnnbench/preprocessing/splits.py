"""The splits of a dataset: which samples train, choose the epoch, and evaluate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import FLAGS, Part


def split_samples(
    dataset: ArrayDataset, count: int, groups: NDArray[np.int64] | None, seed: int, splits: int
) -> NDArray[np.uint8]:
    """Flags of `count` samples in each split, shape (splits, count); one split if none is drawn.

    groups: the group of each sample, for "by_film". The evaluation and validation parts of a drawn
    split depend only on `count`, `groups`, their sizes, `seed` and the number of the split, so that
    all datasets of a corpus share them, whatever their encoding and training size.
    Raises DataError if there are too few samples.
    """
    ids = np.arange(count)
    if dataset.split == "same":
        parts: dict[Part, NDArray[np.int64]] = {
            "train": ids[: dataset.train],
            "validation": ids[: dataset.validation],
            "evaluation": ids[: dataset.evaluation],
        }
        return _flags(dataset, count, [parts])
    if dataset.split == "last":
        rest, evaluation = np.split(ids, [max(0, count - dataset.evaluation)])
        training = rest[: dataset.train + dataset.validation]
        train, validation = np.split(training, [dataset.train])
        parts = {"train": train, "validation": validation, "evaluation": evaluation}
        return _flags(dataset, count, [parts])
    if dataset.split == "random":
        groups = ids
    elif groups is None:
        raise DataError(
            "split by_film needs the numbers in the names of IMDB's files; use split: random"
        )
    generators = (np.random.default_rng([seed, number]) for number in range(splits))
    return _flags(dataset, count, [_draw(dataset, groups, rng) for rng in generators])


def block_splits(dataset: ArrayDataset, splits: int) -> NDArray[np.uint8]:
    """Flags where every split has samples of its own, shape (splits, samples), in their order."""
    sizes = [dataset.train, dataset.validation, dataset.evaluation]
    flags = np.repeat(np.array(list(FLAGS.values()), np.uint8), sizes)
    return np.kron(np.eye(splits, dtype=np.uint8), flags)


def _draw(
    dataset: ArrayDataset, groups: NDArray[np.int64], rng: np.random.Generator
) -> dict[Part, NDArray[np.int64]]:
    """Whole groups, in random order, until a part is large enough; then exactly its size."""
    parts: dict[Part, NDArray[np.int64]] = {}
    order = rng.permutation(np.unique(groups))
    sizes = np.bincount(groups)[order]
    for part, size in (("evaluation", dataset.evaluation), ("validation", dataset.validation)):
        count = int(np.searchsorted(np.cumsum(sizes), size)) + 1 if size else 0
        found = np.flatnonzero(np.isin(groups, order[:count]))
        parts[part] = rng.permutation(found)[:size]  # type: ignore[index]
        order, sizes = order[count:], sizes[count:]
    rest = np.flatnonzero(np.isin(groups, order))
    parts["train"] = rng.permutation(rest)[: dataset.train]
    return parts


def _flags(
    dataset: ArrayDataset, count: int, splits: list[dict[Part, NDArray[np.int64]]]
) -> NDArray[np.uint8]:
    flags = np.zeros((len(splits), count), np.uint8)
    for row, parts in zip(flags, splits, strict=True):
        for part, ids in parts.items():
            if len(ids) < (wanted := getattr(dataset, part)):
                raise DataError(
                    f"{part} {wanted}: the corpus has {count} samples for this dataset, and its "
                    f"split {dataset.split} leaves {len(ids)} for this part"
                )
            row[ids] |= FLAGS[part]
    return flags
