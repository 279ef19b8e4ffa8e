"""A Keras network as a model."""

from __future__ import annotations

import json
import math
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError, RnnbenchError, TrainingError
from rnnbench.data.format import Meta, Samples
from rnnbench.models.base import Epoch, OnEpoch, X
from rnnbench.models.base import Model as BaseModel
from rnnbench.models.keras import custom, network
from rnnbench.models.keras.runtime import keras_errors, load_backend
from rnnbench.models.keras.training import Predictor, Trainer


class Model(BaseModel):
    """See `rnnbench.models.base.Model`."""

    SUFFIX: ClassVar[str] = ".keras"

    def __init__(
        self, net: Any, meta: Meta | None = None, classes: custom.Classes | None = None
    ) -> None:
        self._network, self._meta, self._classes = net, meta, classes
        self._trainer: Trainer | None = None
        self._predictor = Predictor(net)

    @classmethod
    def build(cls, settings: Any, meta: Meta, seed: int) -> Self:
        """A network with weights drawn from `seed`; raises ParamsError if it is invalid."""
        classes = network.custom_classes(settings.layers)
        net = network.build(settings.layers, meta, seed, settings.output_layer, classes)
        network.check(net, settings.layers, meta)
        return cls(net, meta, classes)

    def rebuild(self, settings: Any, meta: Meta, seed: int) -> Self:
        """This model, with the weights and random states that `build` draws from `seed`.

        The compiled programs are reused; each replicate's would occupy another 25 MB.
        """
        # Of the same classes: their file can have been edited during the last replicate.
        fresh = network.build(settings.layers, meta, seed, settings.output_layer, self._classes)
        with keras_errors(TrainingError):
            for variable, drawn in zip(self._network.variables, fresh.variables, strict=True):
                variable.assign(drawn)
            if self._trainer is not None:
                self._trainer.restart(network.optimizer(settings.optimizer))
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of `save`, in Keras's safe mode; raises DataError if it is damaged.

        The project files that its layers come from are next to it, and run.
        """
        _, keras = load_backend()
        try:
            with custom.scope_of_archive(path):
                return cls(keras.models.load_model(path, compile=False, safe_mode=True))
        except RnnbenchError:
            raise
        # Keras does not wrap the errors of zipfile, h5py and json.
        except Exception as error:
            raise DataError(f"{path}: not a readable model ({error}); run dvc repro") from error

    def save(self, path: Path) -> None:
        """Write a .keras file; equal weights give equal bytes.

        Keras itself also writes the date, the times of zip entries and memory addresses.
        """
        with tempfile.TemporaryDirectory() as folder:
            first = Path(folder) / "network.keras"
            self._network.save(first)
            with zipfile.ZipFile(first) as source, zipfile.ZipFile(path, "w") as target:
                for name in sorted(source.namelist()):
                    content: str | bytes = source.read(name)
                    if name in ("config.json", "metadata.json"):
                        content = json.dumps(_reproducible(json.loads(content)), sort_keys=True)
                    # The date of a new ZipInfo is always 1980-01-01.
                    target.writestr(zipfile.ZipInfo(name), content)

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return sum(math.prod(w.shape) for w in self._network.trainable_variables)

    def summary(self) -> str:
        """Keras's own table of layers, shapes and parameters."""
        lines: list[str] = []
        self._network.summary(print_fn=lambda line, **_: lines.append(line))
        return "\n".join(lines)

    def fit(
        self, settings: Any, seed: int, train: Samples, unseen: X, on_epoch: OnEpoch, done: int = 0
    ) -> None:
        """Train until epoch settings.epochs; (seed, e) decides the order of samples in epoch e.

        Raises TrainingError if Keras fails.
        """
        trainer = self._trainer_for(settings)
        for number in range(done + 1, settings.epochs + 1):
            rng = np.random.default_rng([seed, number])
            with keras_errors(TrainingError):
                loss, accuracy = trainer.epoch(train.x, train.y, rng)
                if number == settings.epochs:
                    trainer.finish()
            on_epoch(Epoch(number, loss, accuracy, self.predict(unseen)))

    def predict(self, x: X) -> NDArray[np.float32]:
        """Predictions for n samples, shape (n, ...); raises TrainingError if Keras fails."""
        with keras_errors(TrainingError):
            return self._predictor(x)

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, random states and the optimizer's variables, by their position."""
        trained = self._trainer.optimizer.variables if self._trainer is not None else []
        variables = [*self._network.variables, *trained]
        return {str(number): variable.value.numpy() for number, variable in enumerate(variables)}

    def restore(self, settings: Any, state: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a `state`; raises LookupError or ValueError if it is not one."""
        trained = self._trainer_for(settings).optimizer.variables
        for number, variable in enumerate([*self._network.variables, *trained]):
            variable.assign(state[str(number)])

    def _trainer_for(self, settings: Any) -> Trainer:
        if self._trainer is None:
            assert self._meta is not None, "a loaded model cannot be trained"
            optimizer = network.optimizer(settings.optimizer)
            with keras_errors(TrainingError):
                self._trainer = Trainer(
                    self._network,
                    optimizer,
                    settings.batch_size,
                    self._meta,
                    settings.adversarial_epsilon,
                )
        return self._trainer


def _reproducible(node: Any) -> Any:
    """The content of a JSON file in a .keras archive, without its date and memory addresses."""
    if isinstance(node, dict):
        omitted = ("date_saved", "shared_object_id")
        content = custom.without_module(node).items()
        return {key: _reproducible(value) for key, value in content if key not in omitted}
    return [_reproducible(item) for item in node] if isinstance(node, list) else node
