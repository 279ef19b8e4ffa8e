"""The fast forward pass against Keras's own, values and gradients."""

from typing import Any

import numpy as np
import pytest

from rnnbench.models.keras.forward import forward
from rnnbench.models.keras.network import build
from rnnbench.models.keras.runtime import start
from rnnbench.prepared import Meta

STEPS, DEPTH = 12, 20
CELLS = ("SimpleRNN", "LSTM", "GRU")


def meta(encoding: str, target: str = "binary", steps: int | None = STEPS) -> Meta:
    return Meta(
        corpus="imdb",
        encoding=encoding,
        target=target,
        classes=("negative", "positive"),
        shape=(steps, 1) if encoding == "number" else (steps,),
        depth=0 if encoding == "number" else DEPTH,
    )


def samples(encoding: str, n: int = 6) -> np.ndarray:
    rng = np.random.default_rng(3)
    if encoding == "number":
        return rng.normal(size=(n, STEPS, 1)).astype(np.float32)
    ids = rng.integers(1, DEPTH, (n, STEPS)).astype(np.int32)
    # Padding behind, in the middle, everywhere, and nowhere.
    ids[0, 5:], ids[1, 3:7], ids[2] = 0, 0, 0
    return ids


def disturbed(network: Any) -> Any:
    """Biases begin as zeros, and would hide where they do not belong."""
    rng = np.random.default_rng(1)
    for variable in network.variables:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    return network


def both(layers: list[Any], described: Meta, training: bool = True) -> tuple[Any, Any, Any]:
    """(network, from Keras, from us), each output and gradients of all weights."""
    tf, _ = start()
    network = disturbed(build(layers, described, seed=0))
    x = tf.constant(samples(described.encoding))
    results = []
    for call in (network, lambda x, training: forward(network, x, training)):

        @tf.function(jit_compile=True)
        def run(call: Any = call) -> Any:
            with tf.GradientTape() as tape:
                output = call(x, training=training)
                # Every number of the output gets a gradient of its own.
                weights = tf.reshape(tf.range(tf.size(output), dtype=tf.float32), output.shape)
                total = tf.reduce_sum(tf.sin(weights) * output)
            return output, tape.gradient(total, network.trainable_variables)

        output, gradients = run()
        results.append([output.numpy(), *(tf.convert_to_tensor(g).numpy() for g in gradients)])
    return network, *results


def same(layers: list[Any], described: Meta) -> None:
    _, theirs, ours = both(layers, described)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6, rtol=0)
    for gradient, expected in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(gradient, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("encoding", ["one_hot", "number"])
def test_a_layer_gives_what_keras_gives(cell: str, bias: bool, encoding: str) -> None:
    same([{cell: {"units": 5, "use_bias": bias}}], meta(encoding))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_steps_of_padding_keep_the_state_as_in_keras(
    cell: str, mask: bool, backwards: bool
) -> None:
    recurrent = {cell: {"units": 5, "go_backwards": backwards}}
    same([{"Embedding": {"output_dim": 4, "mask_zero": mask}}, recurrent], meta("index"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("mask", [True, False])
def test_layers_on_layers_give_what_keras_gives(cell: str, mask: bool) -> None:
    inner = {cell: {"units": 3, "return_sequences": True}}
    same(
        [
            {"Embedding": {"output_dim": 4, "mask_zero": mask}},
            {"Bidirectional": {"layer": inner}},
            {cell: {"units": 4, "return_sequences": True}},
            {"Bidirectional": {"layer": {cell: {"units": 2}}}},
            {"Dense": {"units": 3, "activation": "relu"}},
        ],
        meta("index"),
    )


@pytest.mark.parametrize("cell", CELLS)
def test_a_vector_a_step_is_what_keras_gives(cell: str) -> None:
    same([{cell: {"units": 3, "return_sequences": True}}], meta("one_hot", "steps"))


@pytest.mark.parametrize(
    "layer",
    [
        {"LSTM": {"units": 3, "activation": "relu"}},
        {"LSTM": {"units": 3, "recurrent_activation": "hard_sigmoid"}},
        {"GRU": {"units": 3, "reset_after": False}},
        {"SimpleRNN": {"units": 3, "activity_regularizer": "L2"}},
        {"GRU": {"units": 3, "kernel_regularizer": "L2"}},
        {"LSTM": {"units": 3, "zero_output_for_mask": True, "return_sequences": True}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "merge_mode": "sum"}},
        {"Bidirectional": {"layer": {"GRU": {"units": 3, "reset_after": False}}}},
        {"TimeDistributed": {"layer": {"Dense": {"units": 3}}}},
        {"Conv1D": {"filters": 3, "kernel_size": 2}},
        {"Masking": {"mask_value": 0.0}},
    ],
    ids=str,
)
def test_what_is_left_to_keras_stays_what_keras_gives(layer: dict[str, Any]) -> None:
    embedding = {"Embedding": {"output_dim": 4, "mask_zero": True}}
    following = [] if _ends(layer) else [{"GRU": {"units": 2}}]
    same([embedding, layer, *following], meta("index"))


def _ends(layer: dict[str, Any]) -> bool:
    """Whether the layer gives one vector a sample."""
    ((name, arguments),) = layer.items()
    recurrent = name in (*CELLS, "Bidirectional")
    return recurrent and not arguments.get("return_sequences")


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_drops_while_it_trains_and_not_when_it_predicts(cell: str) -> None:
    layers = [
        {"Embedding": {"output_dim": 4}},
        {cell: {"units": 5, "dropout": 0.5, "return_sequences": True}},
        {"Dropout": {"rate": 0.5}},
        {cell: {"units": 5}},
    ]
    network, theirs, ours = both(layers, meta("index"), training=False)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6, rtol=0)
    tf, _ = start()
    x = tf.constant(samples("index"))
    first, second = (forward(network, x, training=True).numpy() for _ in range(2))
    assert not np.allclose(first, second)
