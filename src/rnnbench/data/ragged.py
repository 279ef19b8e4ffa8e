"""Sequences of different lengths in one flat array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        dtype = id_dtype(vocabulary_size)
        arrays = [sequence.astype(dtype) for sequence in sequences]
        offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, dtype), *arrays]), offsets)

    @classmethod
    def concatenate(cls, parts: Sequence[Ragged]) -> Ragged:
        """The sequences of all parts, one part after the other."""
        lengths = np.concatenate([part.lengths for part in parts])
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        return cls(np.concatenate([part.values for part in parts]), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[Any]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """The sequences `rows`, in this order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Ragged(self.values[np.repeat(self.offsets[rows], lengths) + within], offsets)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The length of each sequence, shape (n,)."""
        return np.diff(self.offsets)

    def padded_batch(self, rows: NDArray[np.int64], length: int) -> NDArray[Any]:
        """The sequences `rows`, padded and truncated at the end: shape (len(rows), length)."""
        positions = self.offsets[rows, None] + np.arange(length)
        inside = positions < self.offsets[rows + 1, None]
        padded = np.zeros(positions.shape, self.values.dtype)
        padded[inside] = self.values[positions[inside]]
        return padded


def id_dtype(vocabulary_size: int) -> np.dtype[Any]:
    """The smallest unsigned dtype that holds all ids below `vocabulary_size`."""
    return np.min_scalar_type(vocabulary_size - 1)
