"""The MinGRU is what its equations say, and what the package mingru-pytorch computes."""

import numpy as np
import pytest

from rnncells.min_gru import MinGRU
from tests.rnncells.cell_tests import (
    BATCH,
    FEATURES,
    STEPS,
    UNITS,
    Array,
    gradients,
    inputs,
    sigmoid,
)
from tests.rnncells.linear_rnn_tests import LinearRNNTests, weights_of


class TestMinGRU(LinearRNNTests):
    layer = MinGRU
    parameters = 2 * UNITS * (FEATURES + 1)

    @staticmethod
    def reference(x: Array, kernel: Array, bias: Array) -> Array:
        h, outputs = np.zeros((len(x), UNITS)), []
        for step in x.swapaxes(0, 1):
            z, candidate = np.split(step @ kernel + bias, 2, axis=1)
            z = sigmoid(z)
            g = np.where(candidate.real >= 0, candidate + 0.5, sigmoid(candidate))
            h = (1 - z) * h + z * g
            outputs.append(h)
        return np.stack(outputs, axis=1)


def test_states_stay_positive() -> None:
    layer, _ = weights_of(MinGRU)
    assert np.min(layer(100 * inputs())) >= 0


@pytest.mark.references
def test_outputs_and_gradients_are_those_of_lucidrains() -> None:
    import torch
    from minGRU_pytorch import minGRU

    theirs = minGRU(FEATURES, UNITS / FEATURES).double()
    # The layer after it that reduces the units again.
    theirs.to_out = torch.nn.Identity()
    layer, (kernel, bias) = weights_of(MinGRU)
    layer.set_weights([kernel, 0 * bias])
    gate, candidate = np.split(kernel, 2, axis=1)
    weight = theirs.to_hidden_and_gate.weight
    weight.data = torch.tensor(np.concatenate([candidate, gate], axis=1).T.copy())
    x = torch.tensor(inputs(), requires_grad=True)
    expected = theirs(x)
    np.testing.assert_allclose(layer(inputs()), expected.detach(), atol=1e-10)
    coefficients = np.random.default_rng(3).normal(size=(BATCH, STEPS, UNITS))
    (expected * torch.tensor(coefficients)).sum().backward()
    of_x, of_kernel, _ = gradients(layer, inputs(), coefficients)
    np.testing.assert_allclose(of_x, x.grad, atol=1e-9)
    candidate, gate = np.split(weight.grad.numpy().T, 2, axis=1)
    np.testing.assert_allclose(of_kernel, np.concatenate([gate, candidate], axis=1), atol=1e-9)
