"""The hybrid of linear models and a recurrent network as a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import TrainingError
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.base import ArrayModel, Epoch, OnEpoch, X, require
from rnnbench.models.keras.runtime import keras_errors, load_backend
from rnnbench.models.keras.training import Predictor, Trainer
from rnnbench.models.linear.ngrams import key_count
from rnnbench.models.ngram_lstm.evidence import CHANNELS, Table, cross_fitted
from rnnbench.models.ngram_lstm.network import build, packed, start

_NO_TABLE = Table(np.empty(0, np.int64), np.empty(0, np.float32), 0.0)


class Model(ArrayModel):
    """See `rnnbench.models.base.Model`."""

    def __init__(self, meta: Meta, units: int, network: Any, table: Table = _NO_TABLE) -> None:
        self._meta, self._units, self._network, self._table = meta, units, network, table
        self._predictor = Predictor(network)
        self._trainer: Trainer | None = None
        # The weights that training goes on with; the network itself has their moving averages.
        self._trained: list[NDArray[Any]] = []

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A model without n-grams; raises ParamsError unless samples are ids of whole texts."""
        kind = f"the encoding {meta.encoding!r} of shape {meta.shape}"
        whole_texts = meta.encoding == "index" and meta.shape == (None,)
        count, cannot = key_count(CHANNELS, meta.vocabulary_size), "ngram_lstm cannot"
        require(
            (meta.target == "binary", f"{cannot} predict the target {meta.target!r}", "binary"),
            (whole_texts, f"{cannot} read {kind}", "ids of whole texts (index, no length)"),
            (
                count <= np.iinfo(np.int64).max,
                f"{cannot} number {meta.vocabulary_size} words' n-grams",
                "fewer words",
            ),
        )
        return cls(meta, settings.units, build(settings.units, settings.dropout, seed))

    def rebuild(self, settings: Any, meta: Meta, seed: int) -> Self:  # noqa: ARG002
        """This model, with the weights that `build` draws; the compiled programs are reused."""
        fresh = build(settings.units, settings.dropout, seed)
        for variable, drawn in zip(self._network.variables, fresh.variables, strict=True):
            variable.assign(drawn)
        if self._trainer is not None:
            self._trainer.restart(_optimizer(settings))
        self._table, self._trained = _NO_TABLE, []
        return self

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The model of its `arrays`; raises an exception of any type if they are not valid."""
        meta, units = Meta.model_validate_json(arrays["meta"].item()), int(arrays["units"])
        table = Table(arrays["keys"], arrays["weights"], float(arrays["bias"]))
        if table.keys.dtype != np.int64 or table.weights.dtype != np.float32:
            raise ValueError("keys or weights of the wrong type")
        if table.keys.ndim != 1 or table.keys.shape != table.weights.shape:
            raise ValueError("keys must have one weight each")
        if not (table.keys[1:] > table.keys[:-1]).all():
            raise ValueError("keys must ascend strictly")
        network = build(units, 0.0, 0)
        network.set_weights([arrays[f"network_{i}"] for i in range(len(network.weights))])
        return cls(meta, units, network, table)

    def arrays(self) -> dict[str, Any]:
        """The n-grams and their weights, and the network's weights in Keras's order."""
        table = {"keys": self._table.keys, "weights": self._table.weights, "bias": self._table.bias}
        weights = {f"network_{i}": w for i, w in enumerate(self._network.get_weights())}
        return {"meta": self._meta.model_dump_json(), "units": self._units, **table, **weights}

    @property
    def parameters(self) -> int:
        """The number of n-gram weights, and of the network's trainable parameters."""
        network = sum(math.prod(w.shape) for w in self._network.trainable_variables)
        return len(self._table.keys) + int(network)

    def summary(self) -> str:
        """The layers with their numbers of trainable parameters."""
        layers = [layer for layer in self._network.layers if layer.trainable_variables]
        counts = {layer.name: layer.count_params() for layer in layers}
        lines = [
            "hybrid: a bidirectional LSTM reads the weights of n-grams from linear models",
            *(f"{name:<16} {count:>12,}" for name, count in counts.items()),
            f"{'n-gram weights':<16} {len(self._table.keys):>12,}",
            f"{'total':<16} {self.parameters:>12,}",
        ]
        return "\n".join(lines)

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Fit the linear models, and train the network until epoch settings.epochs.

        After each epoch the network has the moving averages of its weights. Raises TrainingError if
        a linear model cannot be fitted, or Keras fails.
        """
        evidence, self._table = cross_fitted(settings, self._meta, seed, train)
        x, trainer = packed(_ragged(train.x), evidence), self._trainer_for(settings)
        if not done:
            start(self._network, evidence, self._table.bias)
        for number in range(done + 1, settings.epochs + 1):
            with keras_errors(TrainingError):
                self._assign(self._trained)
                rng = np.random.default_rng([seed, number])
                loss, accuracy = trainer.epoch(x, train.y, rng)
                self._trained = [w.numpy() for w in self._network.trainable_variables]
                trainer.finish()
            on_epoch(Epoch(number, loss, accuracy, self.predict(unseen)))

    def predict(self, x: X) -> NDArray[np.float32]:
        """The probability of class 1, shape (n,); raises TrainingError if Keras fails."""
        ids = _ragged(x)
        evidence = self._table.evidence(ids, self._meta.vocabulary_size)
        with keras_errors(TrainingError):
            return self._predictor(packed(ids, evidence))

    def state(self) -> dict[str, NDArray[Any]]:
        """Of the network alone: the linear models are fitted again."""
        optimizer = self._trainer.optimizer.variables if self._trainer is not None else []
        variables = enumerate([*self._network.variables, *optimizer])
        state = {str(number): np.asarray(variable.numpy()) for number, variable in variables}
        return state | {f"trained_{i}": weights for i, weights in enumerate(self._trained)}

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a `state`; raises LookupError or ValueError if it is not one."""
        optimizer = self._trainer_for(settings).optimizer.variables
        for number, variable in enumerate([*self._network.variables, *optimizer]):
            variable.assign(state[str(number)])
        count = len(self._network.trainable_variables)
        self._trained = [state[f"trained_{i}"] for i in range(count)]

    def _assign(self, weights: list[NDArray[Any]]) -> None:
        for variable, value in zip(self._network.trainable_variables, weights, strict=False):
            variable.assign(value)

    def _trainer_for(self, settings: Any) -> Trainer:
        if self._trainer is None:
            with keras_errors(TrainingError):
                optimizer = _optimizer(settings)
                self._trainer = Trainer(self._network, optimizer, settings.batch_size, self._meta)
        return self._trainer


def _optimizer(settings: Any) -> Any:
    _, keras = load_backend()
    return keras.optimizers.Adam(
        settings.learning_rate, use_ema=True, ema_momentum=settings.ema_momentum
    )


def _ragged(x: X) -> Ragged:
    # `build` refuses datasets with other samples.
    assert isinstance(x, Ragged)
    return x
