"""Logistic regression on log-count ratios of n-grams as a model."""

# ruff: noqa: ARG002, ARG003 - without seeds and epochs, some arguments are not used.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from rnnbench.core.errors import TrainingError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import ArrayModel, Epoch, OnEpoch, X, require
from rnnbench.models.linear.ngrams import distinct, key_count, log_count_ratios, places


class Model(ArrayModel):
    """See `rnnbench.models.base.Model`."""

    def __init__(
        self,
        meta: Meta,
        ngrams: int,
        keys: NDArray[np.int64],
        weights: NDArray[np.float32],
        bias: float,
    ) -> None:
        self._meta, self._ngrams = meta, ngrams
        self._keys, self._weights, self._bias = keys, weights, bias

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A model without features; raises ParamsError unless samples are ids of whole texts."""
        kind = f"the encoding {meta.encoding!r} of shape {meta.shape}"
        whole_texts = meta.encoding == "index" and meta.shape == (None,)
        count = key_count(settings.ngrams, meta.vocabulary_size)
        words = f"linear cannot number {meta.vocabulary_size} words' n-grams"
        require(
            (
                meta.target == "binary",
                f"linear cannot predict the target {meta.target!r}",
                "binary",
            ),
            (whole_texts, f"linear cannot read {kind}", "ids of whole texts (index, no length)"),
            (count <= np.iinfo(np.int64).max, words, "fewer words or ngrams"),
        )
        return cls(meta, settings.ngrams, np.empty(0, np.int64), np.empty(0, np.float32), 0.0)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of its `arrays`; raises an exception of any type if they are not valid."""
        meta = Meta.model_validate_json(arrays["meta"].item())
        keys, weights = arrays["keys"], arrays["weights"]
        if keys.dtype != np.int64 or weights.dtype != np.float32:
            raise ValueError("keys or weights of the wrong type")
        if keys.ndim != 1 or keys.shape != weights.shape or not (keys[1:] > keys[:-1]).all():
            raise ValueError("keys must ascend strictly and have one weight each")
        return cls(meta, int(arrays["ngrams"]), keys, weights, float(arrays["bias"]))

    def arrays(self) -> dict[str, Any]:
        """The features and weights, and how texts are read."""
        meta, ngrams = self._meta.model_dump_json(), self._ngrams
        parts = {"keys": self._keys, "weights": self._weights, "bias": self._bias}
        return {"meta": meta, "ngrams": ngrams, **parts}

    @property
    def parameters(self) -> int:
        """The number of weights, one per feature, and the bias."""
        return len(self._weights) + 1

    def summary(self) -> str:
        """The kind and, once trained, the number of the features."""
        if not len(self._keys):
            count, parameters = "as many as the training samples have", "one for each, and a bias"
        else:
            count, parameters = f"{len(self._keys):,}", f"{self.parameters:,} parameters"
        return (
            f"n-grams of 1 to {self._ngrams} words, present or absent: {count}\n"
            f"logistic regression of log-count ratios: {parameters}"
        )

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Select the features and train once.

        Raises TrainingError if no n-gram is frequent enough, or all samples are of one class.
        """
        y = train.y > 0
        keys, samples = distinct(_ragged(train.x), self._ngrams, self._meta.vocabulary_size)
        vocabulary, counts = np.unique(keys, return_counts=True)
        vocabulary = vocabulary[counts >= settings.min_count]
        if not len(vocabulary):
            raise TrainingError(f"no n-gram occurs in {settings.min_count} training samples")
        if y.all() or not y.any():
            raise TrainingError("all training samples are of one class")

        place, known = places(keys, vocabulary)
        samples = samples[known]
        ratios = log_count_ratios(place, y[samples], len(vocabulary), settings.alpha)
        features = csr_array((ratios[place], (samples, place)), (len(y), len(vocabulary)))
        # The dual problem has one unknown per sample, far fewer than one per feature.
        regression = LogisticRegression(
            solver="liblinear", dual=True, C=settings.C, max_iter=1000, random_state=seed
        )
        regression.fit(features, y)
        self._keys = vocabulary
        self._weights = (regression.coef_[0] * ratios).astype(np.float32)
        self._bias = float(regression.intercept_[0])

        seen, prediction = self._probabilities(samples, place, len(y)), self.predict(unseen)
        on_epoch(Epoch.scored(1, self._meta, seen, train.y, prediction))

    def predict(self, x: X) -> NDArray[np.float32]:
        """The probability of class 1, shape (n,); n-grams that are not features are ignored."""
        keys, samples = distinct(_ragged(x), self._ngrams, self._meta.vocabulary_size)
        place, known = places(keys, self._keys)
        return self._probabilities(samples[known], place, len(x))

    def _probabilities(
        self, samples: NDArray[np.int32], place: NDArray[np.int32], n: int
    ) -> NDArray[np.float32]:
        sums = np.bincount(samples, self._weights[place], minlength=n)
        return np.asarray(expit(sums + self._bias), np.float32)


def _ragged(x: X) -> Ragged:
    # `build` refuses datasets with other samples.
    assert isinstance(x, Ragged)
    return x
