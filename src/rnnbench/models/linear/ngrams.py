"""N-grams of ids as integer keys.

With V = vocabulary_size, the n-gram of the ids a, b, c is number (a * V + b) * V + c of its length;
keys of longer n-grams follow those of all shorter ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.ragged import Ragged


def key_count(ngrams: int, vocabulary_size: int) -> int:
    """The number of keys of up to `ngrams` ids below `vocabulary_size`; all are below it."""
    return sum(vocabulary_size**length for length in range(1, ngrams + 1))


def distinct(
    x: Ragged, ngrams: int, vocabulary_size: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Every n-gram of up to `ngrams` ids in every sample, without duplicates.

    Returns keys and the samples (rows of x) that contain them, both of shape (pairs,), sorted by
    key, then by sample. `key_count` must be less than 2**63.
    """
    lengths = range(1, ngrams + 1)
    found = [first_occurrences(x, length, vocabulary_size) for length in lengths]
    keys, samples, _ = zip(*found, strict=True)
    return np.concatenate(keys), np.concatenate(samples)


def first_occurrences(
    x: Ragged, length: int, vocabulary_size: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """As `distinct`, of the n-grams of one length, with the indices in x.values of their ends."""
    values = x.values.astype(np.int64)
    rows = np.repeat(np.arange(len(x), dtype=np.int32), x.lengths)
    windows = np.zeros(max(len(values) - length + 1, 0), np.int64)
    for offset in range(length):
        windows = windows * vocabulary_size + values[offset : offset + len(windows)]
    starts = np.flatnonzero(rows[: len(windows)] == rows[length - 1 :][: len(windows)])
    keys = windows[starts] + key_count(length - 1, vocabulary_size)
    # Stable: samples and positions, which ascend already, still ascend within a key.
    order = np.argsort(keys, kind="stable")
    keys, starts = keys[order], starts[order]
    samples = rows[starts]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]) | (samples[1:] != samples[:-1])
    return keys[first], samples[first], starts[first] + length - 1


def places(
    keys: NDArray[np.int64], vocabulary: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Which keys are in a sorted vocabulary, shape (keys,), and the indices of those that are."""
    place = np.searchsorted(vocabulary, keys)
    known = place < len(vocabulary)
    known[known] = vocabulary[place[known]] == keys[known]
    # scikit-learn's liblinear accepts 32-bit indices only.
    return place[known].astype(np.int32), known


def log_count_ratios(
    place: NDArray[np.int32], positive: NDArray[np.bool_], size: int, alpha: float
) -> NDArray[np.float64]:
    """The log-count ratio of each of `size` n-grams, shape (size,).

    place, positive: for each pair of an n-gram and a sample that contains it, the index of the
    n-gram and whether the sample is of class 1; shape (pairs,).
    Source: Wang and Manning, section 2.1, with counts of samples (binarized f).
    """
    p = alpha + np.bincount(place[positive], minlength=size)
    q = alpha + np.bincount(place[~positive], minlength=size)
    return np.asarray(np.log(p / p.sum()) - np.log(q / q.sum()))
