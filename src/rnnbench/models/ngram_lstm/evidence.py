"""The evidence in texts: the weight of the n-gram that ends at each position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models import linear
from rnnbench.models.linear.model import Model as LinearModel
from rnnbench.models.linear.ngrams import first_occurrences, places

# Those of n-grams of 1, 2 and 3 words.
CHANNELS = 3


@dataclass(frozen=True)
class Table:
    """A linear model: the weights of n-grams, and a bias.

    keys: those of `rnnbench.models.linear.ngrams`, ascending, shape (features,), int64.
    weights: shape (features,), float32.
    """

    keys: NDArray[np.int64]
    weights: NDArray[np.float32]
    bias: float

    @classmethod
    def fitted(cls, settings: linear.Settings, meta: Meta, seed: int, train: Samples) -> Table:
        """The linear model of some samples; raises TrainingError if they do not suffice."""
        model = LinearModel.build(settings, meta, seed)
        assert isinstance(train.x, Ragged)
        nothing = train.x.take(np.empty(0, np.int64))
        model.fit(settings, seed, train, nothing, lambda _: None)
        arrays = model.arrays()
        return cls(arrays["keys"], arrays["weights"], arrays["bias"])

    @classmethod
    def mean(cls, tables: Sequence[Table]) -> Table:
        """The table whose logits are the means of theirs."""
        keys = np.unique(np.concatenate([table.keys for table in tables]))
        sums = np.zeros(len(keys))
        for table in tables:
            sums[places(table.keys, keys)[0]] += table.weights
        bias = sum(table.bias for table in tables) / len(tables)
        return cls(keys, (sums / len(tables)).astype(np.float32), bias)

    def evidence(self, x: Ragged, vocabulary_size: int) -> NDArray[np.float32]:
        """The weight of the n-gram of each length that ends at each id, shape (total, CHANNELS).

        It is 0 for n-grams without a weight, and from their second occurrence in a sample on: the
        linear model's features are present or absent. A sample's values add up to its logit less
        the bias.
        """
        found = np.zeros((len(x.values), CHANNELS), np.float32)
        for length in range(1, CHANNELS + 1):
            keys, _, ends = first_occurrences(x, length, vocabulary_size)
            place, known = places(keys, self.keys)
            found[ends[known], length - 1] = self.weights[place]
        return found


def cross_fitted(
    settings: Any, meta: Meta, seed: int, train: Samples
) -> tuple[NDArray[np.float32], Table]:
    """The evidence in training samples, shape (total, CHANNELS), and the table for all others.

    The evidence in a sample comes from a linear model that has not seen it. The weights of its own
    would give its label away, as most n-grams occur in few samples: a network would learn to trust
    evidence that is much weaker in new texts. These get the mean of the same models: the model of
    all samples would be more certain than those that the network has learned from.

    settings: `rnnbench.models.ngram_lstm.Settings`. Raises TrainingError.
    """
    assert isinstance(train.x, Ragged)
    fold = np.random.default_rng(seed).permutation(len(train)) % settings.folds
    fold_of_id = np.repeat(fold, train.x.lengths)
    evidence = np.zeros((len(train.x.values), CHANNELS), np.float32)
    tables = []
    for number in range(settings.folds):
        held_out, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        samples = Samples(train.x.take(others), train.y[others], train.id[others])
        table = Table.fitted(settings, meta, seed, samples)
        found = table.evidence(train.x.take(held_out), meta.vocabulary_size)
        evidence[fold_of_id == number] = found
        tables.append(table)
    return evidence, Table.mean(tables)
