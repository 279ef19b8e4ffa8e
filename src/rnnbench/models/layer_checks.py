"""What a recurrent layer must keep to be compared with Keras's own, found by trying it."""

from __future__ import annotations

import inspect
import json
import math
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import ParamsError, RnnbenchError
from rnnbench.data.format import Meta, Samples
from rnnbench.models.base import Epoch
from rnnbench.models.keras import Settings, custom, network
from rnnbench.models.keras.model import Model
from rnnbench.models.keras.runtime import keras_errors, load_backend
from rnnbench.models.keras.validation import check_spec, layer_arguments

_BATCH, _STEPS, _FEATURES, _UNITS = 4, 6, 5, 3
# Relative to the largest value: sums over another number of steps or samples round differently.
_TOLERANCE = 1e-4
# Of central differences in float64, and in float32 for a layer that computes in no other type.
_DIFFERENCES = {"float64": (1e-5, 1e-5), "float32": (1e-2, 2e-2)}
# A training: samples, and the share of the first loss above which nothing was learned.
_SAMPLES, _LEARNED = 64, 0.8
_SEED = 1
_TRAINING: dict[str, Any] = {
    **{"dataset": "check", "model": "keras", "epochs": 12, "batch_size": 16},
    "optimizer": {"Adam": {"learning_rate": 0.02}},
}
_META = Meta(
    corpus="check",
    encoding="number",
    target="number",
    classes=(),
    shape=(_STEPS, _FEATURES),
    vocabulary_size=0,
    tolerance=0.1,
)

Spec = str | dict[str, Any]


class Candidate:
    """A layer to check, written as in params.yaml; raises ParamsError if it cannot be built."""

    def __init__(self, spec: Spec) -> None:
        if errors := check_spec("layer", spec, "layer"):
            raise ParamsError("check-layer", errors)
        self.spec, self.classes = spec, network.custom_classes([spec])
        # A wrapper is checked with the layer inside.
        self.wraps = len(list(network.walk([spec]))) > 1

    def accepts(self, argument: str) -> bool:
        """Whether the layer, or the layer inside a wrapper, has an argument."""
        names = [name for name, _ in network.walk([self.spec])]
        return any(argument in layer_arguments(name, "layer") for name in names)

    def built(self, **arguments: Any) -> Any:
        """A layer with weights that are all different, also where they begin as zeros."""
        _, keras = load_backend()
        keras.utils.set_random_seed(_SEED)
        layer = network.layer(_with_arguments(self.spec, arguments), 1, self.classes)
        layer(_tensor(_inputs(), arguments.get("dtype", "float32")), training=False)
        rng = np.random.default_rng(_SEED)
        for weight in layer.trainable_variables:
            weight.assign(rng.normal(size=weight.shape, scale=0.5))
        return layer

    def sequences(self) -> dict[int, Any]:
        """A layer that returns its last output, and one with the same weights and all outputs.

        By the rank of the output; only one of them if the layer has no return_sequences.
        """
        if not self.accepts("return_sequences"):
            layer = self.built()
            return {len(layer(_tensor(_inputs()), training=False).shape): layer}
        layers = {2: self.built(return_sequences=False), 3: self.built(return_sequences=True)}
        layers[3].set_weights(layers[2].get_weights())
        return layers

    def train(self) -> tuple[bytes, list[float], Model]:
        """The bytes of a trained model, the loss of each epoch, and the model."""
        layers: list[Spec] = [_with_arguments(self.spec, {"return_sequences": False})]
        if 2 not in self.sequences():
            layers.append("Flatten")
        settings = Settings(layers=layers, **_TRAINING)
        x, samples = _task()
        model = Model.build(settings, _META, _SEED)
        epochs: list[Epoch] = []
        model.fit(settings, _SEED, samples, x[:1], epochs.append)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return path.read_bytes(), [epoch.loss for epoch in epochs], model

    @cached_property
    def trained(self) -> tuple[bytes, list[float], Model]:
        """The first training."""
        return self.train()


def check_layer(name: str, arguments: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Each check that concerns a layer, with the problem that it has found, or ""; as it is done.

    arguments: by default as few units as show an error. A layer that does not take sequences of
    vectors has one result only. Raises ParamsError as `Candidate`.
    """
    if arguments is None:
        arguments = {}
        # Of a name that does not exist; the candidate words it.
        with suppress(ParamsError):
            if "units" in layer_arguments(name, "layer"):
                arguments = {"units": _UNITS}
    candidate = Candidate({name: arguments})
    left_out = {_bidirectional, _go_backwards} if candidate.wraps else set()
    if not candidate.accepts("go_backwards"):
        left_out.add(_go_backwards)
    for check, function in CHECKS.items():
        if function in left_out:
            continue
        problem = run_check(candidate, check)
        yield check, problem
        if problem and function is _sequences:
            return
        if problem and function is _arguments:
            # They copy the layer too.
            left_out |= {_bidirectional, _saving}


def run_check(candidate: Candidate, check: str) -> str:
    """The problem that one of `CHECKS` finds, or ""."""
    _, keras = load_backend()
    try:
        # Keras warns of what fails here anyway, such as a weight without a gradient.
        with warnings.catch_warnings(action="ignore"), keras_errors(RnnbenchError):
            CHECKS[check](candidate)
    except RnnbenchError as error:
        # What follows in a message of Keras is the whole configuration.
        problem = str(error).partition(" config={")[0].rstrip(".")
        bases, classes = (keras.layers.RNN, keras.layers.Wrapper), candidate.classes.values()
        if check.startswith(_OF_RNN) and not any(issubclass(cls, bases) for cls in classes):
            problem += "; derive it from keras.layers.RNN" if classes else ""
        return problem
    return ""


def _sequences(candidate: Candidate) -> None:
    layer = candidate.built()
    output = layer(_tensor(_inputs()), training=False)
    if isinstance(output, list | tuple):
        raise RnnbenchError(f"it returns {len(output)} outputs, expected one: no return_state")
    if len(output.shape) not in (2, 3):
        shape = tuple(output.shape)
        raise RnnbenchError(f"it returns {shape}, expected (batch, units) or (batch, steps, units)")
    if not layer.trainable_variables:
        raise RnnbenchError("it has no trainable weights")


def _output_shape(candidate: Candidate) -> None:
    _, keras = load_backend()
    layers = candidate.sequences()
    for rank, layer in layers.items():
        announced = tuple(layer(keras.Input((None, _FEATURES))).shape)
        for steps in (1, _STEPS):
            shape = tuple(layer(_tensor(_inputs()[:, :steps]), training=False).shape)
            if shape != ((_BATCH, steps, shape[-1]) if rank == 3 else (_BATCH, shape[-1])):
                raise RnnbenchError(f"{steps} steps of {_BATCH} samples give the shape {shape}")
            if len(announced) != rank or announced[-1] != shape[-1]:
                raise RnnbenchError(f"Keras expects the shape {announced}, the output has {shape}")
    if len(layers) == 2 and not candidate.wraps:
        last, whole = (layer(_tensor(_inputs()), training=False) for layer in layers.values())
        _expect_equal(last, whole[:, -1], "the output and the last of the sequence")


def _masked(places: tuple[int, ...]) -> Callable[[Candidate], None]:
    """A check with masked steps at `places` of longer samples, which must not matter."""

    def check(candidate: Candidate) -> None:
        mask = np.ones((_BATCH, _STEPS + len(places)), bool)
        mask[:, places] = False
        x = np.random.default_rng(_SEED + 1).normal(size=(*mask.shape, _FEATURES))
        x[mask] = _inputs().reshape(-1, _FEATURES)
        for rank, layer in candidate.sequences().items():
            expected = np.asarray(layer(_tensor(_inputs()), training=False))
            output = layer(_tensor(x, mask=mask), training=False)
            # The last output, or those of the other steps.
            found = output if rank == 2 else np.asarray(output)[mask].reshape(expected.shape)
            _expect_equal(expected, found, "the outputs")
            if rank == 3 and not np.array_equal(getattr(output, "_keras_mask", ()), mask):
                raise RnnbenchError("the mask is not passed on to the next layer (compute_mask)")

    return check


def _arguments(candidate: Candidate) -> None:
    _, keras = load_backend()
    layer, x = candidate.built(), _tensor(_inputs())
    config: dict[str, Any] = {}
    try:
        config = layer.get_config()
        written = json.dumps(keras.saving.serialize_keras_object(layer))
        with custom.scope(candidate.classes):
            again = keras.saving.deserialize_keras_object(json.loads(written), safe_mode=True)
        again(x, training=False)
        again.set_weights(layer.get_weights())
    except Exception as error:
        # The arguments that the class adds to its base.
        added = inspect.signature(type(layer).__init__).parameters.values()
        names = [p.name for p in added if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
        if missing := [name for name in names if name not in config]:
            raise RnnbenchError(f"get_config leaves out {', '.join(missing)}") from error
        raise
    rewritten = json.loads(json.dumps(keras.saving.serialize_keras_object(again)))["config"]
    before = json.loads(written)["config"]
    if changed := [key for key in before if before[key] != rewritten.get(key)]:
        raise RnnbenchError(f"get_config differs after from_config: {', '.join(sorted(changed))}")
    _expect_equal(layer(x, training=False), again(x, training=False), "outputs after from_config")


def _bidirectional(candidate: Candidate) -> None:
    size = candidate.built()(_tensor(_inputs()), training=False).shape[-1]
    both = Candidate({"Bidirectional": {"layer": candidate.spec}}).built()
    found = both(_tensor(_inputs()), training=False).shape[-1]
    if found != 2 * size:
        raise RnnbenchError(f"both directions have {found} units, expected twice {size}")


def _go_backwards(candidate: Candidate) -> None:
    forward, backward = (candidate.built(go_backwards=value) for value in (False, True))
    backward.set_weights(forward.get_weights())
    x = _inputs()
    expected = forward(_tensor(x[:, ::-1]), training=False)
    _expect_equal(expected, backward(_tensor(x), training=False), "the outputs")


def _gradients(candidate: Candidate) -> None:
    layer, dtype = candidate.built(), "float32"
    # Code can expect float32.
    with suppress(Exception):
        double = candidate.built(dtype="float64")
        output = double(_tensor(_inputs(), "float64"), training=False)
        if {"float64"} == {output.dtype.name, *(w.dtype for w in double.trainable_variables)}:
            layer, dtype = double, "float64"
    tf, _ = load_backend()
    rng = np.random.default_rng(_SEED + 2)
    x = tf.Variable(_inputs(), dtype=dtype)
    coefficients = _tensor(rng.normal(size=layer(x, training=False).shape), dtype)

    def loss() -> Any:
        return tf.reduce_sum(layer(tf.identity(x), training=False) * coefficients)

    names = {f"weight {w.path}": w.value for w in layer.trainable_variables} | {"the input": x}
    with tf.GradientTape() as tape:
        value = loss()
    gradients = tape.gradient(value, list(names.values()))
    step, tolerance = _DIFFERENCES[dtype]
    for (name, variable), gradient in zip(names.items(), gradients, strict=True):
        if gradient is None or not np.any(gradient):
            raise RnnbenchError(f"{name} gets no gradient")
        direction = rng.normal(size=variable.shape)
        direction /= np.linalg.norm(direction)
        found = float(np.sum(np.asarray(gradient) * direction))
        center, values = variable.numpy(), []
        for sign in (1, -1):
            variable.assign(center + sign * step * direction)
            values.append(float(loss()))
        variable.assign(center)
        expected = (values[0] - values[1]) / (2 * step)
        if not abs(found - expected) <= tolerance * np.linalg.norm(np.asarray(gradient)):
            raise RnnbenchError(
                f"the derivative of {name} in a random direction is {found:.6g}, but finite "
                f"differences in {dtype} give {expected:.6g}"
            )


def _saving(candidate: Candidate) -> None:
    content, _, model = candidate.trained
    with tempfile.TemporaryDirectory() as folder:
        # As a training does.
        for file in filter(None, map(custom.project_file, candidate.classes)):
            shutil.copy(custom.project_root() / file, folder)
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        loaded = Model.load(path)
    x, _ = _task()
    _expect_equal(model.predict(x), loaded.predict(x), "predictions after loading", exact=True)


def _same_bytes(candidate: Candidate) -> None:
    (first, losses, _), (second, again, _) = candidate.trained, candidate.train()
    if losses != again:
        raise RnnbenchError(f"the losses of two trainings end with {losses[-1]} and {again[-1]}")
    if first != second:
        raise RnnbenchError("the files of two trainings differ")


def _independence(candidate: Candidate) -> None:
    layer, x = candidate.built(), _inputs()
    together = layer(_tensor(x), training=False)
    alone = np.concatenate([layer(_tensor(x[i : i + 1]), training=False) for i in range(_BATCH)])
    _expect_equal(together, alone, "the outputs of a sample in a batch and alone")


def _learning(candidate: Candidate) -> None:
    first, *_, last = candidate.trained[1]
    if not (math.isfinite(last) and last <= _LEARNED * first):
        changed = f"{_TRAINING['epochs']} epochs changed the loss from {first:.4g} to {last:.4g}"
        raise RnnbenchError(f"{changed}, expected at most {_LEARNED * first:.4g}")


CHECKS: dict[str, Callable[[Candidate], None]] = {
    "it builds and takes (batch, steps, features)": _sequences,
    "the output has the shape that Keras expects": _output_shape,
    "masked steps at the end do not matter": _masked((_STEPS, _STEPS + 1)),
    "masked steps at the start do not matter": _masked((0, 1)),
    "masked steps in the middle do not matter": _masked((2, 3)),
    "get_config and from_config keep all arguments": _arguments,
    "Bidirectional runs it in both directions": _bidirectional,
    "go_backwards equals a reversed input": _go_backwards,
    "gradients equal finite differences": _gradients,
    "a sample's output does not depend on its batch": _independence,
    "a saved model is loaded in safe mode and predicts the same": _saving,
    "training under XLA lowers the loss": _learning,
    "two trainings from one seed give the same bytes": _same_bytes,
}
# What keras.layers.RNN takes care of.
_OF_RNN = ("it builds", "the output has", "masked steps", "Bidirectional")


def _inputs() -> NDArray[np.float64]:
    """Samples, shape (_BATCH, _STEPS, _FEATURES)."""
    return np.random.default_rng(_SEED).normal(size=(_BATCH, _STEPS, _FEATURES))


def _task() -> tuple[NDArray[np.float32], Samples]:
    """Sequences of numbers, shape (_SAMPLES, _STEPS, _FEATURES), and the same with targets."""
    x = np.random.default_rng(_SEED).normal(size=(_SAMPLES, _STEPS, _FEATURES)).astype(np.float32)
    y = np.tanh(x[:, :, 0].mean(axis=1) + x[:, -1, 1])
    return x, Samples(x, y, np.arange(_SAMPLES, dtype=np.int32))


def _tensor(x: NDArray[Any], dtype: str = "float32", mask: NDArray[Any] | None = None) -> Any:
    tf, _ = load_backend()
    tensor = tf.constant(x, dtype)
    if mask is not None:
        tensor._keras_mask = tf.constant(mask)
    return tensor


def _expect_equal(expected: Any, found: Any, what: str, exact: bool = False) -> None:
    """Raise RnnbenchError unless two arrays are equal, up to rounding unless `exact`."""
    first, second = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if first.shape != second.shape:
        raise RnnbenchError(f"{what} have shapes {first.shape} and {second.shape}")
    difference = float(np.abs(first - second).max(initial=0))
    allowed = 0.0 if exact else _TOLERANCE * float(np.abs(first).max(initial=0))
    if not difference <= allowed:
        raise RnnbenchError(f"{what} differ by up to {difference:.3g}, allowed: {allowed:.3g}")


def _with_arguments(spec: Spec, arguments: dict[str, object]) -> Spec:
    """The specification of a layer and of those inside, with those arguments that each accepts."""
    name, changed = network.name_and_arguments(spec)
    known = layer_arguments(name, "layer")
    changed |= {argument: value for argument, value in arguments.items() if argument in known}
    for inner in network.WRAPPED & changed.keys():
        changed[inner] = _with_arguments(changed[inner], arguments)
    return {name: changed}
