"""The fast forward pass against Keras's own, values and gradients."""

from typing import Any

import numpy as np
import pytest

from rnnbench.data.format import Meta
from rnnbench.models.keras import recurrences
from rnnbench.models.keras.forward import forward
from rnnbench.models.keras.network import build
from rnnbench.models.keras.runtime import start

STEPS, DEPTH = 12, 20
NAMES = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}
CELLS = tuple(NAMES)
EMBEDDING = {"Embedding": {"output_dim": 4, "mask_zero": True}}


def meta(encoding: str, target: str = "binary", steps: int | None = STEPS) -> Meta:
    return Meta(
        corpus="imdb",
        encoding=encoding,
        target=target,
        classes=("negative", "positive"),
        shape=(steps, 1) if encoding == "number" else (steps,),
        vocabulary_size=0 if encoding == "number" else DEPTH,
    )


def samples(encoding: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    if encoding == "number":
        return rng.normal(size=(6, STEPS, 1)).astype(np.float32)
    ids = rng.integers(1, DEPTH, (6, STEPS)).astype(np.int32)
    # Padding behind, in the middle, everywhere, and nowhere.
    ids[0, 5:], ids[1, 3:7], ids[2] = 0, 0, 0
    return ids


def disturbed(network: Any) -> Any:
    """Biases begin as zeros, and would hide where they do not belong."""
    rng = np.random.default_rng(1)
    for variable in network.variables:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    return network


def both(
    layers: list[Any], described: Meta, x: np.ndarray | None = None, training: bool = True
) -> tuple[Any, Any]:
    """From Keras, and from us: the output, and the gradients of all weights."""
    tf, _ = start()
    network = disturbed(build(layers, described, seed=0))
    batch = tf.constant(samples(described.encoding) if x is None else x)
    results = []
    for call in (network, lambda x, training: forward(network, x, training)):

        @tf.function(autograph=False)
        def run(call: Any = call) -> Any:
            with tf.GradientTape() as tape:
                output = call(batch, training=training)
                # Every number of the output gets a gradient of its own.
                weights = tf.reshape(tf.range(tf.size(output), dtype=tf.float32), output.shape)
                total = tf.reduce_sum(tf.sin(weights) * output)
            return output, tape.gradient(total, network.trainable_variables)

        output, gradients = run()
        results.append([output.numpy(), *(tf.convert_to_tensor(g).numpy() for g in gradients)])
    return results[0], results[1]


@pytest.fixture(autouse=True)
def loops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The loops that were ours, by name."""
    met: list[str] = []

    def watched(name: str) -> Any:
        loop = getattr(recurrences, name)

        def call(*arguments: Any) -> Any:
            met.append(name)
            return loop(*arguments)

        return call

    for name in ("simple_rnn", "lstm", "gru"):
        monkeypatch.setattr(recurrences, name, watched(name))
    return met


def same(layers: list[Any], described: Meta, x: np.ndarray | None = None) -> None:
    theirs, ours = both(layers, described, x)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6, rtol=0)
    for gradient, expected in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(gradient, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("encoding", ["one_hot", "number"])
def test_a_layer_gives_what_keras_gives(
    cell: str, bias: bool, encoding: str, loops: list[str]
) -> None:
    same([{cell: {"units": 5, "use_bias": bias}}], meta(encoding))
    assert loops == [NAMES[cell]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("sequences", [True, False])
def test_steps_of_padding_keep_the_state_as_in_keras(
    cell: str, zero: bool, backwards: bool, sequences: bool, loops: list[str]
) -> None:
    arguments = {"go_backwards": backwards, "return_sequences": sequences}
    recurrent = {cell: {"units": 5, "zero_output_for_mask": zero, **arguments}}
    last = [{"GRU": {"units": 2}}] if sequences else []
    same([EMBEDDING, recurrent, *last], meta("index"))
    assert loops == [NAMES[cell], *["gru" for _ in last]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_layers_on_layers_give_what_keras_gives(
    cell: str, mask: bool, backwards: bool, loops: list[str]
) -> None:
    there, back = (
        {cell: {"units": 3, "return_sequences": True, "go_backwards": direction}}
        for direction in (backwards, not backwards)
    )
    same(
        [
            {"Embedding": {"output_dim": 4, "mask_zero": mask}},
            {"Bidirectional": {"layer": there, "backward_layer": back}},
            {cell: {"units": 4, "return_sequences": True}},
            {"Bidirectional": {"layer": {cell: {"units": 2}}}},
            {"Dense": {"units": 3, "activation": "relu"}},
        ],
        meta("index"),
    )
    assert loops == [NAMES[cell]] * 5


def test_directions_may_be_of_different_kinds(loops: list[str]) -> None:
    back = {"GRU": {"units": 3, "go_backwards": True}}
    same(
        [EMBEDDING, {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "backward_layer": back}}],
        meta("index"),
    )
    assert loops == ["lstm", "gru"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("n", "steps"), [(1, 1), (1, 7), (5, 1)])
def test_a_single_sample_and_a_single_step_are_enough(cell: str, n: int, steps: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, steps, 1)).astype(np.float32)
    same([{cell: {"units": 3}}], meta("number", steps=steps), x)
    ids = np.zeros((n, steps), np.int32)
    # Nothing but padding.
    same([EMBEDDING, {cell: {"units": 3}}], meta("index", steps=steps), ids)


@pytest.mark.parametrize("cell", CELLS)
def test_a_vector_a_step_is_what_keras_gives(cell: str) -> None:
    same([{cell: {"units": 3, "return_sequences": True}}], meta("one_hot", "steps"))


@pytest.mark.parametrize(
    "layer",
    [
        {"LSTM": {"units": 3, "activation": "relu"}},
        {"LSTM": {"units": 3, "recurrent_activation": "hard_sigmoid"}},
        {"GRU": {"units": 3, "reset_after": False}},
        {"LSTM": {"units": 3, "activity_regularizer": "L2"}},
        {"LSTM": {"units": 3, "dtype": "float64"}},
        {"LSTM": {"units": 3, "unroll": True}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "merge_mode": "sum"}},
        {"Bidirectional": {"layer": {"GRU": {"units": 3, "reset_after": False}}}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "activity_regularizer": "L2"}},
        {"Bidirectional": {"layer": {"LSTM": {"units": 3}}, "dtype": "float16"}},
        {"ConvLSTM1D": {"filters": 3, "kernel_size": 1}},
    ],
    ids=str,
)
def test_what_the_loops_do_not_know_is_left_to_keras(
    layer: dict[str, Any], loops: list[str]
) -> None:
    widen = [{"Reshape": {"target_shape": [STEPS, 4, 1]}}] if "ConvLSTM1D" in layer else []
    narrow = [{"Flatten": {}}] if widen else []
    same([{"Embedding": {"output_dim": 4}}, *widen, layer, *narrow], meta("index"))
    assert loops == []


@pytest.mark.parametrize(
    "layer",
    [
        {"TimeDistributed": {"layer": {"Dense": {"units": 3}}}},
        {"Masking": {"mask_value": 0.0}},
        {"GRU": {"units": 3, "kernel_regularizer": "L2", "return_sequences": True}},
        # Keras casts between layers.
        {"TimeDistributed": {"layer": {"Dense": {"units": 3, "dtype": "float64"}}}},
    ],
    ids=str,
)
def test_what_precedes_a_loop_may_be_anything(layer: dict[str, Any], loops: list[str]) -> None:
    same([EMBEDDING, layer, {"LSTM": {"units": 2}}], meta("index"))
    assert loops[-1:] == ["lstm"]


def test_ids_that_are_taken_for_numbers_are_numbers(loops: list[str]) -> None:
    same([{"Reshape": {"target_shape": [STEPS, 1]}}, {"LSTM": {"units": 2}}], meta("index"))
    assert loops == ["lstm"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["dropout", "recurrent_dropout"])
def test_dropout_drops_while_it_trains_and_not_when_it_predicts(
    cell: str, kind: str, loops: list[str]
) -> None:
    layers = [
        {"Embedding": {"output_dim": 4}},
        {cell: {"units": 5, kind: 0.5, "return_sequences": True}},
        {cell: {"units": 5}},
    ]
    theirs, ours = both(layers, meta("index"), training=False)
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-6, rtol=0)
    assert loops == [NAMES[cell]]
    tf, _ = start()
    network, x = build(layers, meta("index"), seed=0), tf.constant(samples("index"))
    first, second = (forward(network, x, training=True).numpy() for _ in range(2))
    assert not np.allclose(first, second)
