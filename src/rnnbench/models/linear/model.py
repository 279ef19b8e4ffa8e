"""Logistic regression on log-count ratios of n-grams as a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from rnnbench.core.errors import DataError, ParamsError, TrainingError
from rnnbench.core.validation import ErrorDetail
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import Epoch, single_epoch
from rnnbench.models.linear import Settings
from rnnbench.models.linear.ngrams import distinct, key_count, log_count_ratios, places


class Model:
    """See `rnnbench.models.base.Model`."""

    SUFFIX: ClassVar[str] = ".npz"

    def __init__(
        self,
        meta: Meta,
        ngrams: int,
        keys: NDArray[np.int64],
        weights: NDArray[np.float32],
        bias: float,
    ) -> None:
        self._meta = meta
        self._ngrams = ngrams
        self._keys = keys
        self._weights = weights
        self._bias = bias

    @classmethod
    def build(cls, settings: Settings, meta: Meta, seed: int) -> Self:  # noqa: ARG003 - nothing drawn
        """A model without features; raises ParamsError unless samples are ids of whole texts."""
        problem = None
        if meta.target != "binary":
            problem = f"linear cannot predict the target {meta.target!r}", "a binary target"
        elif meta.encoding != "index" or meta.shape != (None,):
            problem = (
                f"linear cannot read the encoding {meta.encoding!r} of shape {meta.shape}",
                "ids of whole texts (index, no length)",
            )
        elif key_count(settings.ngrams, meta.vocabulary_size) > np.iinfo(np.int64).max:
            problem = (
                f"linear cannot number {meta.vocabulary_size} words' n-grams",
                "fewer words or ngrams",
            )
        if problem:
            raise ParamsError("params.yaml", [ErrorDetail("model", *problem)])
        return cls(meta, settings.ngrams, np.empty(0, np.int64), np.empty(0, np.float32), 0.0)

    def restart(self, settings: Settings, seed: int) -> None:
        """Nothing to do: `fit` replaces everything."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`; raises DataError if it is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                meta = Meta.model_validate_json(archive["meta"].item())
                ngrams, bias = int(archive["ngrams"]), float(archive["bias"])
                keys, weights = archive["keys"], archive["weights"]
            _check(keys, weights)
        # Damage causes errors of many types, of zipfile, NumPy and pydantic.
        except Exception as error:
            raise DataError(f"{path}: not a readable model; run dvc repro") from error
        return cls(meta, ngrams, keys, weights, bias)

    def save(self, path: Path) -> None:
        """Write an .npz file; equal weights give equal bytes."""
        with path.open("wb") as file:
            np.savez(
                file,
                meta=np.array(self._meta.model_dump_json()),
                ngrams=np.array(self._ngrams),
                keys=self._keys,
                weights=self._weights,
                bias=np.array(self._bias),
            )

    @property
    def parameters(self) -> int:
        """The number of weights, one per feature, and the bias."""
        return len(self._weights) + 1

    def summary(self) -> str:
        """The kind and number of the features."""
        return (
            f"n-grams of 1 to {self._ngrams} words, present or absent: {len(self._keys)}\n"
            f"logistic regression of log-count ratios: {self.parameters} parameters"
        )

    def fit(
        self,
        settings: Settings,
        seed: int,
        train: Samples,
        evaluation: NDArray[Any] | Ragged,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        """Select the features and train once; the x of `evaluation` is only predicted.

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
        with threadpool_limits(1):
            regression.fit(features, y)
        self._keys = vocabulary
        self._weights = (regression.coef_[0] * ratios).astype(np.float32)
        self._bias = float(regression.intercept_[0])

        seen = self._probabilities(samples, place, len(y))
        on_epoch(single_epoch(self._meta, seen, train.y, self.predict(evaluation)))

    def predict(self, x: NDArray[Any] | Ragged) -> NDArray[np.float32]:
        """The probability of class 1, shape (n,); n-grams that are not features are ignored."""
        keys, samples = distinct(_ragged(x), self._ngrams, self._meta.vocabulary_size)
        place, known = places(keys, self._keys)
        return self._probabilities(samples[known], place, len(x))

    def _probabilities(
        self, samples: NDArray[np.int32], place: NDArray[np.int32], n: int
    ) -> NDArray[np.float32]:
        sums = np.bincount(samples, self._weights[place], minlength=n)
        return np.asarray(expit(sums + self._bias), np.float32)


def _ragged(x: NDArray[Any] | Ragged) -> Ragged:
    # `build` refuses datasets with other samples.
    assert isinstance(x, Ragged)
    return x


def _check(keys: NDArray[Any], weights: NDArray[Any]) -> None:
    """Raise ValueError unless keys ascend strictly and have one weight each."""
    if keys.dtype != np.int64 or weights.dtype != np.float32:
        raise ValueError("keys or weights of the wrong type")
    if keys.ndim != 1 or keys.shape != weights.shape or not (keys[1:] > keys[:-1]).all():
        raise ValueError("keys and weights do not match")
