"""Sequences of different lengths in one flat array, and vectorized operations on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["pre", "post"]

# Rows handled at a time, because index arrays take eight bytes per value.
_BLOCK = 10_000


@dataclass(frozen=True)
class Ragged:
    """n sequences of different lengths.

    values: all sequences one after the other, shape (total,).
    offsets: the start of each sequence and the end of the last one, shape (n + 1,), int64.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Iterable[NDArray[Any]], vocabulary_size: int) -> Ragged:
        """Pack arrays of ids below `vocabulary_size`, each of shape (length,)."""
        dtype = _id_dtype(vocabulary_size)
        arrays = [sequence.astype(dtype) for sequence in sequences]
        offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, dtype), *arrays]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of each sequence, shape (n,)."""
        return np.diff(self.offsets)

    def padded(self, rows: NDArray[np.int64], length: int) -> NDArray[Any]:
        """The sequences `rows`, padded and truncated at the end: shape (len(rows), length)."""
        return pad(select(self, rows), length, "post")


def _id_dtype(vocabulary_size: int) -> np.dtype[Any]:
    """The smallest unsigned dtype that holds all ids below `vocabulary_size`."""
    return np.min_scalar_type(max(vocabulary_size - 1, 0))


def concatenate(parts: Iterable[Ragged], vocabulary_size: int) -> Ragged:
    """All sequences of all parts, in the smallest dtype for ids below `vocabulary_size`."""
    dtype = _id_dtype(vocabulary_size)
    values, lengths = [np.empty(0, dtype)], [np.zeros(1, np.int64)]
    for part in parts:
        values.append(part.values.astype(dtype))
        lengths.append(part.lengths)
    return Ragged(np.concatenate(values), np.concatenate(lengths).cumsum())


def select(x: Ragged, rows: NDArray[np.int64]) -> Ragged:
    """The sequences `rows`, shape (m,), in that order."""
    return _slices(x, x.offsets[rows], x.lengths[rows])


def truncate(x: Ragged, length: int, side: Side) -> Ragged:
    """Every sequence cut to at most `length` values; `side` is the end that loses values."""
    lengths = np.minimum(x.lengths, length)
    return _slices(x, x.offsets[1:] - lengths if side == "pre" else x.offsets[:-1], lengths)


def mask_values(x: Ragged, mask: NDArray[np.bool_]) -> Ragged:
    """Every sequence without the values at which `mask`, shape (total,), is False."""
    positions = np.flatnonzero(mask)
    return Ragged(x.values[positions], np.searchsorted(positions, x.offsets))


def unique(x: Ragged) -> Ragged:
    """The distinct values of every sequence of ids, ascending."""
    size = int(x.values.max(initial=0)) + 1
    rows = np.repeat(np.arange(len(x)), x.lengths)
    rows, values = np.divmod(np.unique(rows * size + x.values), size)
    return Ragged(values.astype(x.values.dtype), np.searchsorted(rows, np.arange(len(x) + 1)))


def pad(x: Ragged, length: int, side: Side) -> NDArray[Any]:
    """The sequences as rows padded with 0 and truncated on one side, shape (n, length).

    Same result as Keras's ``pad_sequences(maxlen=length, padding=side, truncating=side)``.
    """
    steps = np.arange(length)
    padded = np.zeros((len(x), length), x.values.dtype)
    for start in range(0, len(x), _BLOCK):
        block = padded[start : start + _BLOCK]
        short = truncate(select(x, np.arange(start, start + len(block))), length, side)
        lengths = short.lengths[:, None]
        block[steps >= length - lengths if side == "pre" else steps < lengths] = short.values
    return padded


def _slices(x: Ragged, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Ragged:
    """The sequences ``x.values[start : start + length]``, one per start; both of shape (m,)."""
    offsets = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
    values = np.empty(offsets[-1], x.values.dtype)
    for first in range(0, len(starts), _BLOCK):
        block = slice(first, first + _BLOCK)
        begin, end = offsets[first], offsets[min(first + _BLOCK, len(starts))]
        shift = np.repeat(starts[block] - offsets[:-1][block], lengths[block])
        values[begin:end] = x.values[np.arange(begin, end) + shift]
    return Ragged(values, offsets)
