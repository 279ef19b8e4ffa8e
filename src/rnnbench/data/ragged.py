"""What is done to many sequences at once, without a loop over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 10_000


@dataclass(frozen=True)
class Ragged:
    """Sequences of different lengths.

    values: all sequences one after the other, shape (total,).
    offsets: where each begins, and the end of the last one, shape (n + 1,), int64.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, sequences: Iterable[NDArray[Any]], vocabulary_size: int) -> Ragged:
        """Join sequences of ids below `vocabulary_size`, in the smallest dtype that holds them."""
        dtype = np.min_scalar_type(max(vocabulary_size - 1, 0))
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
        """The sequences `rows`, zeros behind them, longer ones cut: shape (len(rows), length)."""
        batch = np.zeros((len(rows), length), self.values.dtype)
        for target, row in zip(batch, rows, strict=True):
            sequence = self[row][:length]
            target[: len(sequence)] = sequence
        return batch


def joined(parts: Iterable[Ragged], vocabulary_size: int) -> Ragged:
    """All sequences one after the other, in the smallest dtype that holds ids below `vocabulary_size`."""
    values, lengths = [], [np.zeros(1, np.int64)]
    dtype = np.min_scalar_type(max(vocabulary_size - 1, 0))
    for part in parts:
        values.append(part.values.astype(dtype))
        lengths.append(part.lengths)
    flat = np.concatenate([np.empty(0, dtype), *values])
    return Ragged(flat, np.concatenate(lengths).cumsum())


def chosen(x: Ragged, rows: NDArray[np.int64]) -> Ragged:
    """The sequences `rows`, in that order."""
    lengths = x.lengths[rows]
    offsets = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
    values = np.empty(offsets[-1], x.values.dtype)
    # As in `pad`.
    for first in range(0, len(rows), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        places = _places(x.offsets[rows[part]], lengths[part])
        begin = offsets[first]
        values[begin : begin + len(places)] = x.values[places]
    return Ragged(values, offsets)


def kept(x: Ragged, keep: NDArray[np.bool_]) -> Ragged:
    """Every sequence without the values where `keep`, shape (total,), is false."""
    places = np.flatnonzero(keep)
    return Ragged(x.values[places], np.searchsorted(places, x.offsets))


def cut(x: Ragged, length: int, side: str) -> Ragged:
    """At most `length` values of every sequence; `side` ("pre", "post") loses the others."""
    lengths = np.minimum(x.lengths, length)
    begins = x.offsets[1:] - lengths if side == "pre" else x.offsets[:-1]
    offsets = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])
    return Ragged(x.values[_places(begins, lengths)], offsets)


def distinct(x: Ragged) -> Ragged:
    """The distinct values of every sequence, ascending."""
    rows = np.repeat(np.arange(len(x)), x.lengths)
    order = np.lexsort((x.values, rows))
    values, rows = x.values[order], rows[order]
    first = np.ones(len(values), bool)
    first[1:] = (values[1:] != values[:-1]) | (rows[1:] != rows[:-1])
    return kept(Ragged(values, x.offsets), first)


def pad(x: Ragged, length: int, side: str, vocabulary_size: int) -> NDArray[np.unsignedinteger]:
    """The sequences as rows, shape (n, length), filled with 0 and cut on one side.

    The dtype is the smallest unsigned integer that holds `vocabulary_size` - 1. Same result as Keras's
    ``pad_sequences(maxlen=length, padding=side, truncating=side)``.
    """
    padded = np.zeros((len(x), length), np.min_scalar_type(max(vocabulary_size - 1, 0)))
    # The place of every value takes eight times the memory of an id.
    for first in range(0, len(x), _AT_ONCE):
        block = padded[first : first + _AT_ONCE]
        rows = np.arange(first, first + len(block))
        short = cut(chosen(x, rows), length, side)
        begins = np.arange(len(block)) * length
        if side == "pre":
            begins += length - short.lengths
        block.reshape(-1)[_places(begins, short.lengths)] = short.values
    return padded


def _places(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """begin, begin + 1, ... of every stretch, one after the other; shape (sum of lengths,)."""
    ends = lengths.cumsum()
    places: NDArray[np.int64] = np.arange(lengths.sum()) + np.repeat(
        begins - ends + lengths, lengths
    )
    return places
