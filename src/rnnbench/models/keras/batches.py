"""How stored samples become a network's input, batch by batch.

Multi-hot vectors and padding exist only for the batch at hand: 25,000 reviews of 10,000 words
would be 1 GB as numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.ragged import Ragged

# The widths to which sequences are padded grow by the root of two: a program is compiled for
# each width, and on average a sixth of a batch is padding.
_NARROWEST, _STEP = 64, 32


def widths(longest: int) -> NDArray[np.int64]:
    """The widths of padded batches, ascending; the last one holds `longest` ids."""
    steps = [_NARROWEST]
    while steps[-1] < longest:
        exact = _NARROWEST * 2 ** (len(steps) / 2)
        # The widest is no wider than it must be.
        steps.append(int(-(-min(exact, longest) // _STEP)) * _STEP)
    return np.array(steps, np.int64)


def multi_hot(x: Ragged, rows: NDArray[np.int64], vocabulary_size: int) -> NDArray[np.float32]:
    """1 where a sample has the id, shape (len(rows), vocabulary_size)."""
    batch = np.zeros((len(rows), vocabulary_size), np.float32)
    for target, row in zip(batch, rows, strict=True):
        target[x[row]] = 1
    return batch


def bucketed(
    x: Ragged, order: NDArray[np.int64], size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Batches of samples of similar length: (rows, width), in random order.

    Every batch but one has `size` rows: what is left over in a bucket moves to the next wider one.
    """
    edges = widths(int(x.lengths.max(initial=1)))
    bucket = np.searchsorted(edges, x.lengths[order])
    batches, left = [], order[:0]
    for number, width in enumerate(edges):
        rows = np.concatenate([left, order[bucket == number]])
        whole = len(rows) // size * size
        batches += [(part, int(width)) for part in rows[:whole].reshape(-1, size)]
        left = rows[whole:]
    if len(left):
        batches.append((left, int(edges[-1])))
    for number in rng.permutation(len(batches)):
        yield batches[number]


def alike(
    network: Any, x: Ragged, most: int, most_ids: int
) -> Iterator[tuple[NDArray[np.int64], int, int]]:
    """All samples, in batches of one width: (rows, width, how many rows such batches have).

    A batch has `most` rows, or fewer if together they would be padded to more than `most_ids`.
    """
    edges = widths(int(x.lengths.max(initial=1)))
    # Multi-hot vectors are as wide as the vocabulary, however long the samples are.
    bucket = np.zeros(len(x), int) if _multi_hot(network) else np.searchsorted(edges, x.lengths)
    for number in np.unique(bucket):
        rows, width = np.flatnonzero(bucket == number), int(edges[number])
        size = min(most, max(1, most_ids // width))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], width, size


def inputs(network: Any, x: Ragged, rows: NDArray[np.int64], width: int) -> NDArray[Any]:
    """The batch of samples `rows` as the network takes it: multi-hot, or padded ids."""
    if _multi_hot(network):
        return multi_hot(x, rows, network.input_shape[1])
    return x.padded(rows, width).astype(np.int32)


def _multi_hot(network: Any) -> bool:
    return "float" in network.inputs[0].dtype
