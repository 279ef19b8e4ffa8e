"""The sLSTM is what its equations say, and what the authors' package computes."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from rnncells.slstm import SLSTM
from tests.rnncells.cell_tests import (
    BATCH,
    FEATURES,
    STEPS,
    UNITS,
    Array,
    CellTests,
    built,
    gradients,
    inputs,
    sigmoid,
)


class TestSLSTM(CellTests):
    layer = SLSTM
    parameters = 4 * UNITS * (FEATURES + UNITS + 1)

    @staticmethod
    def reference(x: Array, kernel: Array, recurrent: Array, bias: Array) -> Array:
        """Without a stabilizer, which float64 does not need here."""
        h, c, n, outputs = *[np.zeros((len(x), UNITS))] * 3, []
        for step in x.swapaxes(0, 1):
            heads = zip(np.split(h, len(recurrent), axis=1), recurrent, strict=True)
            # (gates, batch, units of a head) for each head.
            gates = [np.stack([part @ block[:, k] for k in range(4)]) for part, block in heads]
            from_input = np.stack(np.split(step @ kernel + bias, 4, axis=1))
            i, f, z, o = from_input + np.concatenate(gates, axis=2)
            c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
            n = sigmoid(f) * n + np.exp(i)
            h = sigmoid(o) * c / n
            outputs.append(h)
        return np.stack(outputs, axis=1)


class TestSLSTMOfTwoHeads(TestSLSTM):
    arguments = {"heads": 2}  # noqa: RUF012
    parameters = 4 * UNITS * (FEATURES + UNITS // 2 + 1)


LONG = 2000


def of_given_gates(gates: Array) -> tuple[Array, list[Array]]:
    """One unit's outputs for pre-activations (batch, LONG, 4) of i, f, z, o; their gradients.

    Compiled, as in a training: the loop is slow otherwise.
    """
    layer = SLSTM(1, return_sequences=True, dtype=gates.dtype.name)
    layer.build((None, None, 4))
    layer.set_weights([np.eye(4), np.zeros((1, 1, 4, 1)), np.zeros(4)])

    @tf.function(jit_compile=True)
    def run(x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x)
        return outputs, tape.gradient(outputs, [x, *(w.value for w in layer.weights)])

    outputs, found = run(tf.constant(gates))
    return np.asarray(outputs)[..., 0], [np.asarray(gradient) for gradient in found]


def large_gates() -> Array:
    """Of input and forget gates up to some thousands; (3, LONG, 4): any, positive, negative."""
    gates = np.random.default_rng(6).normal(size=(1, LONG, 4), scale=[1000, 1000, 1, 1])
    # Nothing is written and nothing is forgotten for long, then everything is forgotten.
    gates[:, :300, 0], gates[:, 300:600, 1] = -5000, 5000
    gates[:, 1000:1300, 1] = -5000
    signs = np.sign(gates[..., :2])
    signs = np.concatenate([signs, np.ones_like(signs), -np.ones_like(signs)])
    return np.concatenate([np.abs(gates[..., :2]) * signs, gates[[0, 0, 0], :, 2:]], axis=2)


def test_long_sequences_of_large_gates_are_exact() -> None:
    """Against the closed form, a softmax over the steps before."""
    outputs, _ = of_given_gates(large_gates())
    for found, (i, f, z, o) in zip(outputs, large_gates().swapaxes(1, 2), strict=True):
        decay = np.cumsum(-np.logaddexp(0, -f))
        scores = np.where(np.tri(LONG, dtype=bool), i + decay[:, None] - decay, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        expected = sigmoid(o) * (weights @ np.tanh(z)) / weights.sum(axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_long_sequences_of_large_gates_do_not_overflow() -> None:
    outputs, found = of_given_gates(large_gates().astype(np.float32))
    assert np.abs(outputs).max() <= 1
    assert all(np.isfinite(gradient).all() for gradient in found)


def test_forget_gates_begin_between_remembering_and_forgetting() -> None:
    layer = SLSTM(6, heads=2)
    layer.build((None, None, FEATURES))
    _, recurrent, bias = layer.get_weights()
    i, f, z, o = np.split(bias, 4)
    np.testing.assert_allclose(f, [5, 5 - 12 * 0.5**0.3, -7] * 2, rtol=1e-6)
    assert not np.any([i, z, o])
    assert not recurrent.any()


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide_the_units_are_refused(heads: int) -> None:
    with pytest.raises(ValueError, match=f"units is 4, which {heads} heads do not divide"):
        SLSTM(4, heads=heads)


@pytest.fixture
def vanilla() -> Any:
    """The part of the package xlstm that runs on a CPU; the whole of it needs CUDA tools."""
    found = importlib.util.find_spec("xlstm")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "blocks" / "slstm" / "src" / "vanilla"
    spec = importlib.util.spec_from_file_location("slstm_vanilla", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.references
@pytest.mark.parametrize("heads", [1, 2])
def test_outputs_and_gradients_are_those_of_the_authors(vanilla: Any, heads: int) -> None:
    import torch

    layer = built(SLSTM, heads=heads, return_sequences=True, dtype="float64")
    x, kernel, recurrent, bias = (
        torch.tensor(array, requires_grad=True) for array in (inputs(), *layer.get_weights())
    )
    # Theirs are (heads, gates * size of a head, size of a head).
    blocks = recurrent.permute(0, 2, 3, 1).reshape(heads, -1, UNITS // heads)
    states, _, _ = vanilla.slstm_forward(
        (x @ kernel).transpose(0, 1),
        torch.zeros(4, BATCH, UNITS, dtype=torch.float64),
        blocks,
        bias,
        vanilla.slstm_pointwise_function_registry["slstm"],
    )
    expected = states[0, 1:].transpose(0, 1)
    np.testing.assert_allclose(layer(inputs()), expected.detach(), atol=1e-12)
    coefficients = np.random.default_rng(3).normal(size=(BATCH, STEPS, UNITS))
    (expected * torch.tensor(coefficients)).sum().backward()
    theirs = [tensor.grad.numpy() for tensor in (x, kernel, recurrent, bias)]
    for ours, other in zip(gradients(layer, inputs(), coefficients), theirs, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-10)
