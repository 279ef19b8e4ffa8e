"""Batches of ragged samples: multi-hot vectors, or ids padded to a common width.

They are made batch by batch: 25,000 reviews as vectors of 10,000 words would take 1 GB.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.ragged import Ragged

# Widths grow by a factor of sqrt(2): one program is compiled per width, and on average a sixth of
# a batch is padding.
_MIN_WIDTH, _WIDTH_STEP = 64, 32


def widths(max_length: int) -> NDArray[np.int64]:
    """The widths of padded batches, ascending; the last one is at least `max_length`."""
    found = [_MIN_WIDTH]
    while found[-1] < max_length:
        exact = min(_MIN_WIDTH * 2 ** (len(found) / 2), max_length)
        found.append(int(-(-exact // _WIDTH_STEP)) * _WIDTH_STEP)
    return np.array(found, np.int64)


def multi_hot(x: Ragged, rows: NDArray[np.int64], vocabulary_size: int) -> NDArray[np.float32]:
    """1 where a sample contains the id, shape (len(rows), vocabulary_size)."""
    batch = np.zeros((len(rows), vocabulary_size), np.float32)
    for target, row in zip(batch, rows, strict=True):
        target[x[row]] = 1
    return batch


def training_batches(
    x: Ragged, order: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Batches of samples of similar length, in random order: (rows, width).

    Every batch but one has `size` rows: the remainder of a width moves to the next one.
    """
    edges = widths(int(x.lengths.max(initial=1)))
    bucket = np.searchsorted(edges, x.lengths[order])
    batches, remainder = [], order[:0]
    for number, width in enumerate(edges):
        rows = np.concatenate([remainder, order[bucket == number]])
        whole = len(rows) // size * size
        batches += [(part, int(width)) for part in rows[:whole].reshape(-1, size)]
        remainder = rows[whole:]
    if len(remainder):
        batches.append((remainder, int(edges[-1])))
    for number in rng.permutation(len(batches)):
        yield batches[number]


def prediction_batches(
    network: Any, x: Ragged, max_rows: int, max_ids: int
) -> Iterator[tuple[NDArray[np.int64], int, int]]:
    """All samples in batches of samples of similar length: (rows, width, size).

    `size`, the number of rows that a full batch of this width has, is `max_rows`, or less if that
    would be more than `max_ids` ids.
    """
    edges = widths(int(x.lengths.max(initial=1)))
    # Multi-hot vectors have one width, whatever the length of a sample.
    bucket = np.zeros(len(x), int) if _is_multi_hot(network) else np.searchsorted(edges, x.lengths)
    for number in np.unique(bucket):
        rows, width = np.flatnonzero(bucket == number), int(edges[number])
        size = min(max_rows, max(1, max_ids // width))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], width, size


def inputs(network: Any, x: Ragged, rows: NDArray[np.int64], width: int) -> NDArray[Any]:
    """The input of `network` for the samples `rows`.

    Multi-hot vectors, shape (len(rows), vocabulary_size), float32, if its input is float; else
    ids, shape (len(rows), width), int32, padded with 0.
    """
    if _is_multi_hot(network):
        return multi_hot(x, rows, network.input_shape[1])
    return x.padded_batch(rows, width).astype(np.int32)


def _is_multi_hot(network: Any) -> bool:
    return "float" in network.inputs[0].dtype
