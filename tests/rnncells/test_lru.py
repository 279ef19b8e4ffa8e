"""The LRU is what its equations say, and what the package lru-pytorch computes."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rnncells.lru import LRU
from tests.rnncells.cell_tests import (
    BATCH,
    FEATURES,
    STEPS,
    UNITS,
    Array,
    CellTests,
    gradients,
    inputs,
)
from tests.rnncells.linear_rnn_tests import LinearRNNTests, keras, weights_of

SIZE = 3


class _Equations:
    layer = LRU

    @staticmethod
    def reference(x: Array, *weights: Array) -> Array:
        """In real numbers, since derivatives are taken with complex ones."""
        nu, theta, gamma, b_real, b_imaginary, c_real, c_imaginary, d = weights
        real, imaginary, outputs = 0, 0, []
        radius, phase = np.exp(-np.exp(nu)), np.exp(theta)
        cosine, sine = radius * np.cos(phase), radius * np.sin(phase)
        for step in x.swapaxes(0, 1):
            real, imaginary = (
                cosine * real - sine * imaginary + np.exp(gamma) * (step @ b_real),
                sine * real + cosine * imaginary + np.exp(gamma) * (step @ b_imaginary),
            )
            outputs.append(real @ c_real - imaginary @ c_imaginary + step @ d)
        return np.stack(outputs, axis=1)


class TestLRU(_Equations, LinearRNNTests):
    parameters = UNITS * (2 * FEATURES + 2 * UNITS + 3) + FEATURES * UNITS


class TestLRUOfAnotherStateSize(_Equations, CellTests):
    arguments = {"state_size": SIZE}  # noqa: RUF012
    parameters = SIZE * (2 * FEATURES + 2 * UNITS + 3) + FEATURES * UNITS


def drawn(seed: int, **arguments: Any) -> list[Array]:
    """The initial weights of many states."""
    keras.utils.set_random_seed(seed)
    layer = LRU(UNITS, state_size=4000, **arguments)
    layer.build((None, None, FEATURES))
    return layer.get_weights()


def test_lambda_begins_uniformly_on_a_ring() -> None:
    nu, theta, gamma, *_ = drawn(1, r_min=0.5, r_max=0.9, max_phase=1.0)
    radius, phase = np.exp(-np.exp(nu)), np.exp(theta)
    assert 0.5 <= radius.min() < 0.51
    assert 0.89 < radius.max() <= 0.9
    # Rings of the same area have as many of them.
    for values, low, high in ((radius**2, 0.25, 0.81), (phase, 0, 1)):
        counts, _ = np.histogram(values, 8, (low, high))
        np.testing.assert_allclose(counts, 500, atol=100)
    np.testing.assert_allclose(np.exp(gamma), np.sqrt(1 - radius**2), rtol=1e-5)


def test_the_projections_begin_with_their_variances() -> None:
    _, _, _, *projections = drawn(1)
    variances = 1 / (2 * FEATURES), 1 / (2 * FEATURES), 1 / 4000, 1 / 4000, 1 / FEATURES
    for weight, variance in zip(projections[:4], variances, strict=False):
        assert np.var(weight) == pytest.approx(variance, rel=0.1)
    assert all(not np.array_equal(p, q) for p, q in pairwise(projections[:2]))


def test_initial_weights_follow_from_the_seed_and_are_finite() -> None:
    first, again, other = drawn(1), drawn(1), drawn(2)
    for p, q, r in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(p, q)
        assert np.isfinite(p).all()
        assert not np.array_equal(p, r)


def test_states_keep_the_size_of_white_noise() -> None:
    """What gamma is for: E |h|^2 = E |B x|^2."""
    keras.utils.set_random_seed(3)
    layer = LRU(UNITS, state_size=200, r_min=0.9, r_max=0.95, return_state=True)
    x = np.random.default_rng(4).normal(size=(100, 200, FEATURES)).astype(np.float32)
    _, real, imaginary = layer(x)
    size = np.mean(np.square(real) + np.square(imaginary))
    assert size == pytest.approx(np.mean(np.square(x)), rel=0.15)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"r_min": 0.9, "r_max": 0.9}, "expected 0 <= r_min < r_max <= 1"),
        ({"r_max": 1.1}, "expected 0 <= r_min < r_max <= 1"),
        ({"max_phase": 0}, "expected a number above 0"),
    ],
)
def test_a_ring_that_is_none_is_refused(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        LRU(UNITS, **arguments)


@pytest.mark.references
def test_outputs_and_gradients_are_those_of_lru_pytorch() -> None:
    import torch
    from LRU_pytorch import LRU as Theirs

    theirs = Theirs(FEATURES, UNITS, SIZE).double()
    layer, weights = weights_of(LRU, state_size=SIZE)
    nu, theta, gamma, b_real, b_imaginary, c_real, c_imaginary, d = map(torch.tensor, weights)
    theirs.nu_log.data, theirs.theta_log.data, theirs.gamma_log.data = nu, theta, gamma
    theirs.B.data, theirs.C.data = (
        torch.complex(real.T, imaginary.T)
        for real, imaginary in ((b_real, b_imaginary), (c_real, c_imaginary))
    )
    theirs.D.data = d.T
    theirs.state = torch.zeros(SIZE, dtype=torch.complex128)
    x = torch.tensor(inputs(), requires_grad=True)
    expected = theirs(x)
    np.testing.assert_allclose(layer(inputs()), expected.detach(), atol=1e-6)
    coefficients = np.random.default_rng(3).normal(size=(BATCH, STEPS, UNITS))
    (expected * torch.tensor(coefficients)).sum().backward()
    b, c = theirs.B.grad.T, theirs.C.grad.T
    gradient = [x.grad, theirs.nu_log.grad, theirs.theta_log.grad, theirs.gamma_log.grad]
    gradient += [b.real, b.imag, c.real, c.imag, theirs.D.grad.T]
    for ours, other in zip(gradients(layer, inputs(), coefficients), gradient, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5)
