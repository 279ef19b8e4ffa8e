"""The splits of a dataset: which samples train, choose the epoch, and evaluate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import FLAGS, Part


@dataclass(frozen=True)
class Sizes:
    """The number of samples of each part."""

    train: int
    validation: int
    evaluation: int


def split_samples(
    dataset: ArrayDataset,
    count: int,
    groups: NDArray[np.int64] | None,
    given: NDArray[np.uint8] | None,
    seed: int,
    splits: int,
) -> NDArray[np.uint8]:
    """Flags of `count` samples in each split, shape (splits, count); one split if none is drawn.

    groups: the group of each sample, for "by_film" and "by_group". given: the flags of each sample,
    for "given". The evaluation and validation parts of a drawn split depend only on `count`,
    `groups`, their sizes, `seed` and the number of the split, so that all datasets of a corpus
    share them, whatever their encoding and training size.
    Raises DataError if there are too few samples, or no groups or parts as the split needs.
    """
    if dataset.split == "given":
        if given is None:
            raise DataError(
                "split given: the corpus has no parts of its own; "
                "set split of the corpus to a column of parts, or use split: random"
            )
        return _expect_parts(given[None])
    sizes = part_sizes(dataset, count)
    ids = np.arange(count)
    if dataset.split == "same":
        parts: dict[Part, NDArray[np.int64]] = {
            "train": ids[: sizes.train],
            "validation": ids[: sizes.validation],
            "evaluation": ids[: sizes.evaluation],
        }
        return _flags(dataset, sizes, count, [parts])
    if dataset.split == "last":
        rest, evaluation = np.split(ids, [max(0, count - sizes.evaluation)])
        training = rest[: sizes.train + sizes.validation]
        train, validation = np.split(training, [sizes.train])
        parts = {"train": train, "validation": validation, "evaluation": evaluation}
        return _flags(dataset, sizes, count, [parts])
    if dataset.split == "random":
        groups = ids
    elif groups is None:
        raise DataError(
            "split by_film needs the numbers in the names of IMDB's files; use split: random"
        )
    generators = (np.random.default_rng([seed, number]) for number in range(splits))
    drawn = [_draw(sizes, groups, rng) for rng in generators]
    if dataset.train is None:
        # Groups leave more samples in some splits than in others.
        sizes = replace(sizes, train=max(1, min(len(parts["train"]) for parts in drawn)))
    for parts in drawn:
        parts["train"] = parts["train"][: sizes.train]
    return _flags(dataset, sizes, count, drawn)


def part_sizes(dataset: ArrayDataset, count: int) -> Sizes:
    """The sizes of the parts of `count` samples; raises DataError if nothing is left to train."""
    validation, evaluation = (
        size if isinstance(size, int) else round(size * count)
        for size in (dataset.validation, dataset.evaluation)
    )
    rest = count - validation - evaluation
    train = rest if dataset.train is None else dataset.train
    if train < 1 or evaluation < 1:
        raise DataError(
            f"the corpus has {count} samples for this dataset: too few for a validation part of "
            f"{validation} and an evaluation part of {evaluation}"
        )
    return Sizes(train, validation, evaluation)


def block_splits(dataset: ArrayDataset, splits: int) -> NDArray[np.uint8]:
    """Flags where every split has samples of its own, shape (splits, samples), in their order."""
    sizes = [dataset.train, dataset.validation, dataset.evaluation]
    flags = np.repeat(np.array(list(FLAGS.values()), np.uint8), np.array(sizes, int))
    return in_blocks(np.tile(flags, (splits, 1)))


def in_blocks(flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Flags of n samples, shape (splits, n), if each split has a copy of all of them.

    Shape (splits, splits * n): split s has the copies s * n to (s + 1) * n.
    """
    splits, count = flags.shape
    blocks = np.zeros((splits, splits, count), np.uint8)
    blocks[np.arange(splits), np.arange(splits)] = flags
    return blocks.reshape(splits, -1)


def _draw(
    sizes: Sizes, groups: NDArray[np.int64], rng: np.random.Generator
) -> dict[Part, NDArray[np.int64]]:
    """Whole groups, in random order, until a part is large enough; then exactly its size.

    The training part is all that is left, in random order.
    """
    parts: dict[Part, NDArray[np.int64]] = {}
    order = rng.permutation(np.unique(groups))
    counts = np.bincount(groups)[order]
    for part, size in (("evaluation", sizes.evaluation), ("validation", sizes.validation)):
        count = int(np.searchsorted(np.cumsum(counts), size)) + 1 if size else 0
        found = np.flatnonzero(np.isin(groups, order[:count]))
        parts[part] = rng.permutation(found)[:size]  # type: ignore[index]
        order, counts = order[count:], counts[count:]
    rest = np.flatnonzero(np.isin(groups, order))
    parts["train"] = rng.permutation(rest)
    return parts


def _flags(
    dataset: ArrayDataset,
    sizes: Sizes,
    count: int,
    splits: list[dict[Part, NDArray[np.int64]]],
) -> NDArray[np.uint8]:
    flags = np.zeros((len(splits), count), np.uint8)
    for row, parts in zip(flags, splits, strict=True):
        for part, ids in parts.items():
            if len(ids) < (wanted := getattr(sizes, part)):
                raise DataError(
                    f"{part} {wanted}: the corpus has {count} samples for this dataset, and its "
                    f"split {dataset.split} leaves {len(ids)} for this part"
                )
            row[ids] |= FLAGS[part]
    return flags


def _expect_parts(flags: NDArray[np.uint8]) -> NDArray[np.uint8]:
    parts: tuple[Part, ...] = ("train", "evaluation")
    for part in parts:
        if not (flags & FLAGS[part]).any():
            raise DataError(f"split given: the corpus has no samples for the {part} part")
    return flags
