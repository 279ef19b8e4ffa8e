"""What a recurrent layer must keep to be compared with Keras's own, found by trying it."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
# A training: samples, batch size, epochs, learning rate, and the share of the first loss above
# which nothing was learned.
_SAMPLES, _TRAINING_BATCH, _EPOCHS, _RATE, _LEARNED = 64, 16, 12, 0.02, 0.8
_SEED = 1

Spec = str | dict[str, Any]


class Violation(RnnbenchError):
    """A layer does not keep what a check expects."""


class NotApplicable(RnnbenchError):
    """A check does not concern a layer."""


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    check: what it expects. passed: None if it does not concern the layer. problem: what is wrong,
    or why it does not apply.
    """

    check: str
    passed: bool | None
    problem: str = ""


class Candidate:
    """A layer to check, written as in params.yaml.

    folder: that of params.yaml, which the path of its file is relative to. Raises ParamsError if it
    cannot be built.
    """

    def __init__(self, spec: Spec, folder: Path) -> None:
        errors = check_spec("layer", spec, "layer")
        if errors:
            raise ParamsError("check-layer", errors)
        self.spec, self._folder = spec, folder
        self.classes = network.custom_classes([spec], folder)

    def accepts(self, argument: str) -> bool:
        """Whether the layer, or the layer inside a wrapper, has an argument."""
        return _accepts(self.spec, argument)

    @property
    def wraps(self) -> bool:
        """Whether the layer is a wrapper of another one."""
        return bool(network.WRAPPED & network.name_and_arguments(self.spec)[1].keys())

    def with_argument(self, argument: str, value: object) -> Spec:
        """Its specification with another argument, which it must accept."""
        return _with_argument(self.spec, argument, value)

    def make(self, spec: Spec | None = None) -> Any:
        """An unbuilt layer, whose random numbers come from one seed."""
        _, keras = load_backend()
        keras.utils.set_random_seed(_SEED)
        return network.layer(self.spec if spec is None else spec, 1, self.classes)

    def built(self, spec: Spec | None = None, dtype: str = "float32") -> Any:
        """A layer with weights that are all different, also where they begin as zeros."""
        layer = self.make(spec)
        layer(_tensor(_inputs(), dtype), training=False)
        rng = np.random.default_rng(_SEED)
        for weight in layer.trainable_variables:
            weight.assign(rng.normal(size=weight.shape, scale=0.5))
        return layer

    def sequences(self) -> tuple[Any, Any]:
        """A layer that returns its last output, and one with the same weights and all outputs.

        One of them is None if the layer has no return_sequences.
        """
        if not self.accepts("return_sequences"):
            layer = self.built()
            rank = len(layer(_tensor(_inputs()), training=False).shape)
            return (layer, None) if rank == 2 else (None, layer)
        last, whole = (self.built(self.with_argument("return_sequences", v)) for v in (False, True))
        whole.set_weights(last.get_weights())
        return last, whole

    def copy_code(self, folder: Path) -> None:
        """Copy its project files, as a training does."""
        for name in self.classes:
            if file := custom.project_file(name):
                shutil.copyfile(self._folder / file, folder / Path(file).name)

    @property
    def settings(self) -> Settings:
        """A variant whose first layer it is."""
        if self.accepts("return_sequences"):
            layers = [self.with_argument("return_sequences", False)]
        else:
            layers = [self.spec, *([] if self.sequences()[0] is not None else ["Flatten"])]
        return Settings(
            dataset="check",
            model="keras",
            layers=layers,
            optimizer={"Adam": {"learning_rate": _RATE}},
            epochs=_EPOCHS,
            batch_size=_TRAINING_BATCH,
        )

    def train(self) -> tuple[bytes, list[float]]:
        """The bytes of a trained model, and the loss of each epoch."""
        (x, samples), settings = _task(), self.settings
        model = Model.build(settings, _META, _SEED)
        epochs: list[Epoch] = []
        model.fit(settings, _SEED, samples, x[:1], epochs.append)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            return path.read_bytes(), [epoch.loss for epoch in epochs]

    @cached_property
    def trained(self) -> tuple[bytes, list[float]]:
        """The first training."""
        return self.train()


_META = Meta(
    corpus="check",
    encoding="number",
    target="number",
    classes=(),
    shape=(_STEPS, _FEATURES),
    vocabulary_size=0,
    tolerance=0.1,
)


def spec_of(name: str, arguments: dict[str, Any] | None) -> Spec:
    """A layer of this name with these arguments, by default as few units as show an error.

    Raises ParamsError if its class cannot be found.
    """
    if arguments is None:
        try:
            known = layer_arguments(name, "layer")
        except ParamsError as error:
            raise ParamsError("check-layer", error.errors) from error
        arguments = {"units": _UNITS} if "units" in known else {}
    return {name: arguments}


def check_layer(spec: Spec, folder: Path) -> Iterator[Result]:
    """The results of all checks, one after the other; raises ParamsError as `Candidate`.

    A layer that does not take sequences of vectors has one result only.
    """
    candidate = Candidate(spec, folder)
    for number, (name, function) in enumerate(CHECKS.items()):
        yield (result := run_check(candidate, name, function))
        if number == 0 and result.passed is False:
            return


def run_check(candidate: Candidate, name: str, function: Callable[[Candidate], None]) -> Result:
    """The result of one of `CHECKS`."""
    try:
        # Keras warns of what fails here anyway, such as a weight without a gradient.
        with warnings.catch_warnings(action="ignore"), keras_errors(RnnbenchError):
            function(candidate)
    except NotApplicable as error:
        return Result(name, None, str(error))
    except RnnbenchError as error:
        return Result(name, False, str(error))
    return Result(name, True)


def _sequences(candidate: Candidate) -> None:
    output = candidate.built()(_tensor(_inputs()), training=False)
    if isinstance(output, list | tuple):
        raise Violation(f"it returns {len(output)} outputs, expected one: no return_state")
    if len(output.shape) not in (2, 3):
        raise Violation(
            f"the output has shape {tuple(output.shape)}, expected (batch, units) or "
            "(batch, steps, units)"
        )
    if not candidate.built().trainable_variables:
        raise Violation("it has no trainable weights")


def _arguments(candidate: Candidate) -> None:
    _, keras = load_backend()
    layer = candidate.built()
    config = keras.saving.serialize_keras_object(layer)
    written = json.loads(json.dumps(config))
    with custom.scope(candidate.classes):
        again = keras.saving.deserialize_keras_object(written, safe_mode=True)
    if type(again) is not type(layer):
        raise Violation(f"from_config returns a {type(again).__name__}")
    x = _tensor(_inputs())
    again(x, training=False)
    before, after = (_plain(one.get_config()) for one in (layer, again))
    if changed := sorted(key for key in before | after if before.get(key) != after.get(key)):
        raise Violation(f"get_config differs after from_config: {', '.join(changed)}")
    shapes = [[tuple(w.shape) for w in one.weights] for one in (layer, again)]
    if shapes[0] != shapes[1]:
        raise Violation(
            f"after from_config, the weights have shapes {shapes[1]} instead of {shapes[0]}: "
            "get_config leaves out an argument"
        )
    again.set_weights(layer.get_weights())
    _expect_equal(layer(x, training=False), again(x, training=False), "outputs after from_config")


def _plain(config: Any) -> Any:
    """A configuration without the addresses of objects."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items() if key != "shared_object_id"}
    return [_plain(item) for item in config] if isinstance(config, list | tuple) else config


def _output_shape(candidate: Candidate) -> None:
    _, keras = load_backend()
    last, whole = candidate.sequences()
    for layer, rank in ((last, 2), (whole, 3)):
        if layer is None:
            continue
        symbolic = layer(keras.Input((None, _FEATURES)))
        for steps in (1, _STEPS):
            found = layer(_tensor(_inputs()[:, :steps]), training=False)
            shape, expected = tuple(found.shape), (_BATCH, steps, found.shape[-1])
            if shape != (expected if rank == 3 else (_BATCH, found.shape[-1])):
                raise Violation(f"{steps} steps of {_BATCH} samples give the shape {shape}")
            announced = tuple(symbolic.shape)
            if len(announced) != rank or announced[-1] != shape[-1]:
                raise Violation(f"Keras expects the shape {announced}, but the output has {shape}")
    if last is not None and whole is not None and not candidate.wraps:
        x = _tensor(_inputs())
        final = whole(x, training=False)[:, -1]
        _expect_equal(last(x, training=False), final, "the output and the last of the sequence")


def _masked(places: tuple[int, ...]) -> Callable[[Candidate], None]:
    """A check with masked steps at `places` of longer samples, which must not matter."""

    def check(candidate: Candidate) -> None:
        x = _inputs()
        steps = _STEPS + len(places)
        mask = np.ones((_BATCH, steps), bool)
        mask[:, places] = False
        longer = np.random.default_rng(_SEED + 1).normal(size=(_BATCH, steps, _FEATURES))
        longer[mask] = x.reshape(-1, _FEATURES)
        last, whole = candidate.sequences()
        if last is not None:
            found = last(_tensor(longer, mask=mask), training=False)
            _expect_equal(last(_tensor(x), training=False), found, "the outputs")
        if whole is not None:
            output = whole(_tensor(longer, mask=mask), training=False)
            expected = np.asarray(whole(_tensor(x), training=False))
            found = np.asarray(output)[mask].reshape(expected.shape)
            _expect_equal(expected, found, "the outputs of the other steps")
            passed = getattr(output, "_keras_mask", None)
            if passed is None or not np.array_equal(passed, mask):
                raise Violation("the mask is not passed on to the next layer (compute_mask)")

    return check


def _width(candidate: Candidate) -> None:
    last, whole = candidate.sequences()
    layer = whole if last is None else last
    lengths = np.array([1, 2, 4, _STEPS])
    outputs = []
    for width in (_STEPS, _STEPS + 5):
        mask = np.arange(width) < lengths[:, None]
        x = np.zeros((_BATCH, width, _FEATURES))
        x[mask] = np.concatenate([row[:n] for row, n in zip(_inputs(), lengths, strict=True)])
        output = np.asarray(layer(_tensor(x, mask=mask), training=False))
        outputs.append(output if last is not None else output[mask])
    what = f"the outputs in batches of {_STEPS} and {_STEPS + 5} steps"
    _expect_equal(outputs[0], outputs[1], what)


def _bidirectional(candidate: Candidate) -> None:
    if candidate.wraps:
        raise NotApplicable("a wrapper")
    size = candidate.built()(_tensor(_inputs()), training=False).shape[-1]
    layer = candidate.make({"Bidirectional": {"layer": candidate.spec}})
    found = layer(_tensor(_inputs()), training=False).shape[-1]
    if found != 2 * size:
        raise Violation(f"both directions have {found} units, expected twice {size}")


def _go_backwards(candidate: Candidate) -> None:
    if candidate.wraps or not candidate.accepts("go_backwards"):
        raise NotApplicable("no argument go_backwards")
    forward = candidate.built(candidate.with_argument("go_backwards", False))
    backward = candidate.built(candidate.with_argument("go_backwards", True))
    backward.set_weights(forward.get_weights())
    x = _inputs()
    expected = forward(_tensor(x[:, ::-1]), training=False)
    _expect_equal(expected, backward(_tensor(x), training=False), "the outputs")


def _differentiable(candidate: Candidate) -> tuple[Any, str]:
    """A layer, and the type in which it computes: float64 if it can."""
    try:
        layer = candidate.built(candidate.with_argument("dtype", "float64"), "float64")
        output = layer(_tensor(_inputs(), "float64"), training=False)
    # Code can expect float32.
    except Exception:
        return candidate.built(), "float32"
    if {"float64"} == {str(output.dtype.name), *(w.dtype for w in layer.trainable_variables)}:
        return layer, "float64"
    return candidate.built(), "float32"


def _gradients(candidate: Candidate) -> None:
    layer, dtype = _differentiable(candidate)
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
            raise Violation(f"{name} gets no gradient")
        direction = rng.normal(size=variable.shape)
        direction /= np.linalg.norm(direction)
        found = float(np.sum(np.asarray(gradient) * direction))
        center, values = variable.numpy(), []
        for sign in (1, -1):
            variable.assign(center + sign * step * direction)
            values.append(float(loss()))
        variable.assign(center)
        expected = (values[0] - values[1]) / (2 * step)
        scale = max(float(np.linalg.norm(np.asarray(gradient))), abs(expected))
        if not abs(found - expected) <= tolerance * scale:
            raise Violation(
                f"the derivative of {name} in a random direction is {found:.6g}, but finite "
                f"differences in {dtype} give {expected:.6g}"
            )


def _saving(candidate: Candidate) -> None:
    x, _ = _task()
    model = Model.build(candidate.settings, _META, _SEED)
    with tempfile.TemporaryDirectory() as folder:
        candidate.copy_code(Path(folder))
        path = Path(folder) / "model.keras"
        model.save(path)
        loaded = Model.load(path).predict(x)
    _expect_equal(model.predict(x), loaded, "predictions after loading", exact=True)


def _same_bytes(candidate: Candidate) -> None:
    first, losses = candidate.trained
    second, again = candidate.train()
    if losses != again:
        raise Violation(f"the losses of two trainings end with {losses[-1]} and {again[-1]}")
    if first != second:
        raise Violation("the files of two trainings differ")


def _independence(candidate: Candidate) -> None:
    layer = candidate.built()
    x = _inputs()
    together = np.asarray(layer(_tensor(x), training=False))
    alone = np.concatenate([layer(_tensor(x[i : i + 1]), training=False) for i in range(_BATCH)])
    _expect_equal(together, alone, "the outputs of a sample in a batch and alone")
    others = x.copy()
    others[1:] *= -3
    changed = np.asarray(layer(_tensor(others), training=False))
    _expect_equal(together[:1], changed[:1], "the outputs of a sample among others")


def _learning(candidate: Candidate) -> None:
    _, losses = candidate.trained
    if not (math.isfinite(losses[-1]) and losses[-1] <= _LEARNED * losses[0]):
        raise Violation(
            f"{_EPOCHS} epochs changed the loss from {losses[0]:.4g} to {losses[-1]:.4g}, expected "
            f"at most {_LEARNED * losses[0]:.4g}"
        )


CHECKS: dict[str, Callable[[Candidate], None]] = {
    "it builds and takes (batch, steps, features)": _sequences,
    "get_config and from_config keep all arguments": _arguments,
    "the output has the shape that Keras expects": _output_shape,
    "masked steps at the end do not matter": _masked((_STEPS, _STEPS + 1)),
    "masked steps at the start do not matter": _masked((0, 1)),
    "masked steps in the middle do not matter": _masked((2, 3)),
    "the width of a padded batch does not matter": _width,
    "Bidirectional runs it in both directions": _bidirectional,
    "go_backwards equals a reversed input": _go_backwards,
    "gradients equal finite differences": _gradients,
    "a sample's output does not depend on its batch": _independence,
    "a saved model is loaded in safe mode and predicts the same": _saving,
    "training under XLA lowers the loss": _learning,
    "two trainings from one seed give the same bytes": _same_bytes,
}


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
    """Raise Violation unless two arrays are equal, up to rounding unless `exact`."""
    first, second = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if first.shape != second.shape:
        raise Violation(f"{what} have shapes {first.shape} and {second.shape}")
    difference = float(np.abs(first - second).max(initial=0))
    allowed = 0.0 if exact else _TOLERANCE * float(np.abs(first).max(initial=0))
    if not difference <= allowed:
        raise Violation(f"{what} differ by up to {difference:.3g}, allowed: {allowed:.3g}")


def _accepts(spec: Spec, argument: str) -> bool:
    name, arguments = network.name_and_arguments(spec)
    if argument in layer_arguments(name, "layer"):
        return True
    return "layer" in arguments and _accepts(arguments["layer"], argument)


def _with_argument(spec: Spec, argument: str, value: object) -> Spec:
    name, arguments = network.name_and_arguments(spec)
    if argument in layer_arguments(name, "layer"):
        arguments[argument] = value
    for inner in network.WRAPPED & arguments.keys():
        arguments[inner] = _with_argument(arguments[inner], argument, value)
    return {name: arguments}
