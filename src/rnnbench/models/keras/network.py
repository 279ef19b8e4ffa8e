"""params.yaml -> a Keras network. The output layer follows from the dataset's target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnbench.errors import Mistake, ParamsError
from rnnbench.models.keras.runtime import start
from rnnbench.prepared import Meta

# The arguments by which Keras's wrappers take layers.
WRAPPED = frozenset({"layer", "backward_layer"})


def build(layers: list[Any], meta: Meta, seed: int) -> Any:
    """A Keras network from ids, shape (batch, *meta.shape), to probabilities, shape (batch, 1).

    Raises ParamsError if Keras refuses the layers or they do not end in one vector a sample.
    """
    _, keras = start()
    # Layer names count up within a session; a fresh one gives every replicate the same names.
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    key = "layers"
    try:
        network = keras.Sequential(
            [
                keras.Input(meta.shape, dtype="int32", name="ids"),
                *_front(meta),
                *[_layer(spec, meta) for spec in layers],
                keras.layers.Dense(1, activation="sigmoid", name="output"),
            ],
            name="network",
        )
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ParamsError("params.yaml", [Mistake(key, f"Keras says: {_line(error)}")]) from error
    if network.output_shape != (None, 1):
        problem = f"the last layer gives shape {network.layers[-2].output.shape[1:]} a sample"
        allowed = "one vector (the last recurrent layer without return_sequences)"
        raise ParamsError("params.yaml", [Mistake(key, problem, allowed)])
    return network


def optimizer(spec: str | Mapping[str, Any]) -> Any:
    """A Keras optimizer; raises ParamsError if Keras refuses it."""
    _, keras = start()
    name, arguments = _name_and_arguments(spec)
    try:
        return getattr(keras.optimizers, name)(**arguments)
    except (ValueError, TypeError) as error:
        mistake = Mistake(f"optimizer.{name}", f"Keras says: {_line(error)}")
        raise ParamsError("params.yaml", [mistake]) from error


def _front(meta: Meta) -> list[Any]:
    _, keras = start()
    if meta.encoding == "one_hot":
        return [keras.layers.CategoryEncoding(meta.depth, output_mode="one_hot", name="one_hot")]
    return []


def _layer(spec: str | Mapping[str, Any], meta: Meta) -> Any:
    _, keras = start()
    name, arguments = _name_and_arguments(spec)
    for inner in WRAPPED.intersection(arguments):
        arguments[inner] = _layer(arguments[inner], meta)
    if name == "Embedding":
        arguments.setdefault("input_dim", meta.depth)
    return getattr(keras.layers, name)(**arguments)


def _name_and_arguments(spec: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(spec, str):
        return spec, {}
    ((name, arguments),) = spec.items()
    return name, dict(arguments or {})


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
