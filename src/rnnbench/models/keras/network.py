"""Builds the Keras network of a variant.

params.yaml writes a layer or an optimizer as ``Name`` or ``{Name: {argument: value}}``; the name of
a layer that is not Keras's own is a reference, see `rnnbench.models.keras.custom`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child
from rnnbench.data.format import Meta
from rnnbench.models.keras import custom
from rnnbench.models.keras.padding import check_padding
from rnnbench.models.keras.runtime import keras_errors, load_backend, refusal

# The arguments of Keras's wrappers that are layers.
WRAPPED = frozenset({"layer", "backward_layer"})


def name_and_arguments(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of one layer or optimizer, and a copy of its arguments."""
    if isinstance(spec, str):
        return spec, {}
    ((name, arguments),) = spec.items()
    return name, dict(arguments or {})


def walk(specs: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments of each layer; wrapped layers follow their wrapper."""
    for spec in specs:
        name, arguments = name_and_arguments(spec)
        yield name, arguments
        yield from walk([arguments[inner] for inner in sorted(WRAPPED & arguments.keys())])


def custom_classes(layers: list[Any], folder: Path | None = None) -> custom.Classes:
    """The classes that are not Keras's own among `layers`, by reference.

    folder: that of params.yaml, by default found from the working directory. Raises ParamsError.
    """
    found = {}
    for index, spec in enumerate(layers):
        for name, _ in walk([spec]):
            if custom.is_reference(name) and name not in found:
                root = folder or custom.project_root()
                found[name] = custom.find_class(name, _key(layers, index), root)
    return found


def build(
    layers: list[Any],
    meta: Meta,
    seed: int,
    output_layer: bool = True,
    classes: custom.Classes | None = None,
) -> Any:
    """A Keras network with weights drawn from `seed`.

    Input: ids, shape (batch, *meta.shape), int32; numbers of the same shape, float32; or multi-hot
    vectors, shape (batch, meta.vocabulary_size), float32.
    Output: as in `rnnbench.data.scoring`, but shape (batch, 1) for "binary" and "number". Without
    `output_layer` it is the output of the last of `layers`.

    classes: `custom_classes` of `layers`, by default those that the project has now. Raises
    ParamsError if Keras rejects the layers or the output has another shape.
    """
    if errors := _unsuitable(layers, meta, output_layer):
        raise ParamsError("params.yaml", errors)
    # Before the seed is set: a file that is loaded can draw random numbers.
    classes = custom_classes(layers) if classes is None else classes
    _, keras = load_backend()
    # Layer names are numbered within a session; after a reset, all replicates have equal names.
    # Garbage is collected anyway, and at once it takes a quarter of a second.
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    units, activation = _output(meta)
    last = keras.layers.Dense(units, activation=activation, name="output")
    try:
        with keras_errors(refusal("layers")):
            inner = [layer(spec, meta.vocabulary_size, classes) for spec in layers]
            all_layers = [*_front(meta), *inner, *([last] if output_layer else [])]
            network = keras.Sequential(all_layers, name="network")
    except ParamsError:
        _expect_to_fit(layers, meta, classes)
        raise
    if any(isinstance(built.output, list | tuple) for built in inner):
        _expect_to_fit(layers, meta, classes)
    expected = (None, *(meta.shape[:1] if meta.target == "steps" else ()), units)
    if network.output_shape != expected:
        final = network.layers[-2 if output_layer else -1]
        problem = f"the last layer has output shape {final.output.shape[1:]} per sample"
        allowed = (
            "one vector per step (return_sequences in every recurrent layer)"
            if meta.target == "steps"
            else "one vector (the last recurrent layer without return_sequences)"
        )
        if not output_layer:
            allowed += f", of size {units} where output_layer is false"
        raise ParamsError("params.yaml", [ErrorDetail("layers", problem, allowed)])
    if not network.trainable_variables:
        problem = "the network has no trainable weights, so that nothing could be learned"
        raise ParamsError("params.yaml", [ErrorDetail("layers", problem)])
    return network


def check(network: Any, layers: list[Any], meta: Meta) -> None:
    """Try a network of `build` on a few samples; raises ParamsError if Keras cannot run it.

    Also if its output were wrong: samples are padded to the width of their batch, and padding
    changes the output.
    """
    keys = [_key(layers, index) for index in range(len(layers))]
    if _whole_texts(meta):
        check_padding(network, [*keys, "output_layer"][: len(network.layers)], meta.vocabulary_size)
    else:
        _run(network.layers[len(_front(meta)) - 1 :], keys)


def layer(
    spec: str | Mapping[str, Any], vocabulary_size: int, classes: custom.Classes | None = None
) -> Any:
    """A Keras layer; `vocabulary_size` is the default of an Embedding's input_dim.

    classes: those that are not Keras's own, by reference.
    """
    _, keras = load_backend()
    name, arguments = name_and_arguments(spec)
    # In a fixed order, in which the layers draw the seeds of their weights.
    for inner in sorted(WRAPPED & arguments.keys()):
        arguments[inner] = layer(arguments[inner], vocabulary_size, classes)
    if name == "Embedding":
        arguments.setdefault("input_dim", vocabulary_size)
    classes = classes or {}
    cls = classes[name] if name in classes else getattr(keras.layers, name)
    # A wrapper copies the layer that it gets.
    with custom.scope(classes):
        return cls(**arguments)


def optimizer(spec: str | Mapping[str, Any]) -> Any:
    """A Keras optimizer; raises ParamsError if Keras rejects it."""
    _, keras = load_backend()
    name, arguments = name_and_arguments(spec)
    with keras_errors(refusal(f"optimizer.{name}")):
        if isinstance(rate := arguments.get("learning_rate"), dict):
            arguments["learning_rate"] = schedule(rate["class_name"], rate["config"])
        return getattr(keras.optimizers, name)(**arguments)


def schedule(name: str, arguments: Mapping[str, Any]) -> Any:
    """A learning-rate schedule of Keras: a function of the number of steps so far."""
    tf, keras = load_backend()
    # Of an integer rate, Keras would compute integers: 1, decayed by 0.9, would be 0.
    floats = tf.nest.map_structure(lambda v: float(v) if type(v) is int else v, dict(arguments))
    return getattr(keras.optimizers.schedules, name)(**floats)


def _run(layers: list[Any], keys: list[str]) -> None:
    """Call layers, whose keys are given, as in training; their random states stay as they are.

    Keras finds some errors neither in the arguments of a layer nor in the shape of its input.
    """
    tf, keras = load_backend()
    # Those of recurrent layers it finds when it builds them, and each of their steps takes time.
    slow = keras.layers.RNN, keras.layers.Bidirectional
    for built, key in zip(layers, keys, strict=False):
        if not isinstance(built, slow):
            # A mask is an input too.
            first = tf.nest.flatten(built.input)[0]
            samples = tf.zeros([2, *first.shape[1:]], first.dtype)
            with keras_errors(refusal(key)), keras.StatelessScope():
                built(samples, training=True)


def _expect_to_fit(layers: list[Any], meta: Meta, classes: custom.Classes) -> None:
    """Raise ParamsError for the first layer that does not take what the one before it returns."""
    _, keras = load_backend()
    network = keras.Sequential(_front(meta))
    for index, spec in enumerate(layers):
        key = _key(layers, index)
        with keras_errors(refusal(key)):
            network.add(layer(spec, meta.vocabulary_size, classes))
        outputs = network.layers[-1].output
        if isinstance(outputs, list | tuple):
            problem = f"returns {len(outputs)} outputs, expected one"
            allowed = "no return_state, and no merge_mode of null"
            raise ParamsError("params.yaml", [ErrorDetail(key, problem, allowed)])


def _key(layers: list[Any], index: int) -> str:
    return child(child("layers", index), name_and_arguments(layers[index])[0])


def _front(meta: Meta) -> list[Any]:
    _, keras = load_backend()
    if meta.encoding == "number":
        return [keras.Input(meta.shape, dtype="float32", name="numbers")]
    if meta.encoding == "multi_hot":
        return [keras.Input((meta.vocabulary_size,), dtype="float32", name="multi_hot")]
    ids = keras.Input(meta.shape, dtype="int32", name="ids")
    if meta.encoding == "one_hot":
        one_hot = keras.layers.CategoryEncoding(
            meta.vocabulary_size, output_mode="one_hot", name="one_hot"
        )
        # CategoryEncoding treats a sequence of length 1 as a single category.
        steps = [keras.layers.Reshape((1, meta.vocabulary_size))] if meta.shape == (1,) else []
        return [ids, one_hot, *steps]
    return [ids]


def _unsuitable(layers: list[Any], meta: Meta, output_layer: bool) -> list[ErrorDetail]:
    """Errors that Keras would accept silently."""
    found = []
    if not output_layer and meta.target != "number":
        problem = "only a target of numbers can do without the output layer and its probabilities"
        found.append(ErrorDetail("output_layer", problem, "true"))
    for index, spec in enumerate(layers):
        names = [name for name, _ in walk([spec])]
        first = index == 0 and names == ["Embedding"] and meta.encoding == "index"
        if "Embedding" in names and not first:
            problem = "an Embedding takes ids, and what it gets here would be cast to some"
            allowed = "as the first layer, of a dataset with encoding: index"
            found.append(ErrorDetail(_key(layers, index), problem, allowed))
        if _whole_texts(meta) and any(arguments.get("unroll") for _, arguments in walk([spec])):
            problem = "a program with every step of a whole text would take too long to compile"
            allowed = "unroll: false, or a dataset with a length"
            found.append(ErrorDetail(_key(layers, index), problem, allowed))
    embeddings = [arguments for name, arguments in walk(layers) if name == "Embedding"]
    for arguments in embeddings:
        if arguments.get("input_dim", meta.vocabulary_size) < meta.vocabulary_size:
            given, needed = arguments["input_dim"], meta.vocabulary_size
            problem = f"Embedding has input_dim {given}, but the dataset has {needed} ids"
            found.append(ErrorDetail("layers", problem, "no input_dim, or a larger one"))
    if _whole_texts(meta) and not all(arguments.get("mask_zero") for arguments in embeddings):
        problem = "whole texts are padded to the width of their batch, which must not matter"
        found.append(ErrorDetail("layers", problem, "an Embedding with mask_zero: true"))
    return found


def _whole_texts(meta: Meta) -> bool:
    """Whether samples are ids that are padded to the width of their batch."""
    return meta.encoding == "index" and meta.shape == (None,)


def _output(meta: Meta) -> tuple[int, str]:
    """Units and activation of the output layer."""
    if meta.target in ("classes", "steps"):
        return len(meta.classes), "softmax"
    return 1, "sigmoid" if meta.target == "binary" else "linear"
