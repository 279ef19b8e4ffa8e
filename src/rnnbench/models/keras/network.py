"""Builds the Keras network of a variant.

params.yaml writes a layer or an optimizer as ``Name`` or ``{Name: {argument: value}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail
from rnnbench.data.format import Meta
from rnnbench.models.keras.runtime import keras_errors, load_backend

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


def build(layers: list[Any], meta: Meta, seed: int, output_layer: bool = True) -> Any:
    """A Keras network with weights drawn from `seed`.

    Input: ids, shape (batch, *meta.shape), int32; numbers of the same shape, float32; or multi-hot
    vectors, shape (batch, meta.vocabulary_size), float32.
    Output: as in `rnnbench.data.scoring`, but shape (batch, 1) for "binary" and "number". Without
    `output_layer` it is the output of the last of `layers`.

    Raises ParamsError if Keras rejects the layers or the output has another shape.
    """
    _, keras = load_backend()
    # Layer names are numbered within a session; after a reset, all replicates have equal names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    if errors := _unsuitable(layers, meta, output_layer):
        raise ParamsError("params.yaml", errors)
    units, activation = _output(meta)
    last = keras.layers.Dense(units, activation=activation, name="output")
    with keras_errors(_refusal("layers")):
        inner = [layer(spec, meta.vocabulary_size) for spec in layers]
        all_layers = [*_front(meta), *inner, *([last] if output_layer else [])]
        network = keras.Sequential(all_layers, name="network")
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
    return network


def layer(spec: str | Mapping[str, Any], vocabulary_size: int) -> Any:
    """A Keras layer; `vocabulary_size` is the default of an Embedding's input_dim."""
    _, keras = load_backend()
    name, arguments = name_and_arguments(spec)
    for inner in WRAPPED.intersection(arguments):
        arguments[inner] = layer(arguments[inner], vocabulary_size)
    if name == "Embedding":
        arguments.setdefault("input_dim", vocabulary_size)
    return getattr(keras.layers, name)(**arguments)


def optimizer(spec: str | Mapping[str, Any]) -> Any:
    """A Keras optimizer; raises ParamsError if Keras rejects it."""
    _, keras = load_backend()
    name, arguments = name_and_arguments(spec)
    with keras_errors(_refusal(f"optimizer.{name}")):
        return getattr(keras.optimizers, name)(**arguments)


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
        problem = f"the target {meta.target!r} needs the output layer, which outputs probabilities"
        found.append(ErrorDetail("output_layer", problem, "true"))
    embeddings = [arguments for name, arguments in walk(layers) if name == "Embedding"]
    for arguments in embeddings:
        if arguments.get("input_dim", meta.vocabulary_size) < meta.vocabulary_size:
            given, needed = arguments["input_dim"], meta.vocabulary_size
            problem = f"Embedding has input_dim {given}, but the dataset has {needed} ids"
            found.append(ErrorDetail("layers", problem, "no input_dim, or a larger one"))
    whole_texts = meta.encoding == "index" and meta.shape == (None,)
    if whole_texts and not all(arguments.get("mask_zero") for arguments in embeddings):
        problem = "whole texts are padded to the width of their batch, which must not matter"
        found.append(ErrorDetail("layers", problem, "an Embedding with mask_zero: true"))
    return found


def _output(meta: Meta) -> tuple[int, str]:
    """Units and activation of the output layer."""
    if meta.target in ("classes", "steps"):
        return len(meta.classes), "softmax"
    return 1, "sigmoid" if meta.target == "binary" else "linear"


def _refusal(key: str) -> Callable[[str], ParamsError]:
    return lambda message: ParamsError("params.yaml", [ErrorDetail(key, message)])
