"""The recurrence against a loop, and what has to hold for any numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.models.keras.runtime import load_backend
from rnncells.linear_recurrence import forward_fill, linear_recurrence

tf, _ = load_backend()


class Problem(NamedTuple):
    """All in NumPy; complex numbers as such, a without steps if it is the same in all of them."""

    a: np.ndarray
    b: np.ndarray
    initial: np.ndarray
    mask: np.ndarray | None


def tensors(x: np.ndarray | None) -> Any:
    if x is None:
        return None
    return (tf.constant(x.real), tf.constant(x.imag)) if np.iscomplexobj(x) else tf.constant(x)


def solved(a: Any, b: Any, initial: Any = None, mask: Any = None) -> np.ndarray:
    h = linear_recurrence(*map(tensors, (a, b, initial, mask)))
    return h[0].numpy() + 1j * h[1].numpy() if isinstance(h, tuple) else h.numpy()


def loop(problem: Problem) -> np.ndarray:
    h, states = problem.initial, []
    for t, b in enumerate(problem.b):
        new = (problem.a[t] if problem.a.ndim == 3 else problem.a) * h + b
        h = new if problem.mask is None else np.where(problem.mask[t], new, h)
        states.append(h)
    return np.stack(states)


@st.composite
def problems(draw: Any) -> Problem:
    steps, batch, units = (draw(st.integers(1, most)) for most in (7, 3, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    is_complex, varies, masked = (draw(st.booleans()) for _ in range(3))

    def numbers(*shape: int) -> np.ndarray:
        real = rng.normal(size=shape)
        return real + 1j * rng.normal(size=shape) if is_complex else real

    shape = steps, batch, units
    mask = rng.random((steps, batch, 1)) < 0.6 if masked else None
    a = numbers(*shape) if varies else numbers(units)
    return Problem(a, numbers(*shape), numbers(*shape[1:]), mask)


few = settings(max_examples=25, deadline=None)


@few
@given(problems())
def test_it_is_the_loop(problem: Problem) -> None:
    np.testing.assert_allclose(solved(*problem), loop(problem), rtol=1e-12, atol=1e-12)


@few
@given(problems(), st.floats(-3, 3))
def test_it_is_linear_in_b_and_the_initial_state(problem: Problem, factor: float) -> None:
    a, b, initial, mask = problem
    other, start = np.roll(b, 1, 0) - 1, initial + 2
    combined = solved(a, b + factor * other, initial + factor * start, mask)
    apart = solved(a, b, initial, mask) + factor * solved(a, other, start, mask)
    np.testing.assert_allclose(combined, apart, rtol=1e-9, atol=1e-9)


@few
@given(problems(), st.data())
def test_a_sequence_in_two_pieces_has_the_same_states(problem: Problem, data: Any) -> None:
    cut = data.draw(st.integers(0, len(problem.b) - 1))
    whole, initial, found = solved(*problem), problem.initial, []
    for part in (slice(cut), slice(cut, None)):
        pieces = (p[part] if p is not None and p.ndim == 3 else p for p in problem)
        a, b, _, mask = pieces
        if len(b):
            found.append(solved(a, b, initial, mask))
            initial = found[-1][-1]
    np.testing.assert_array_equal(np.concatenate(found), whole)


@few
@given(problems())
def test_the_gradient_is_that_of_a_loop(problem: Problem) -> None:
    """Which TensorFlow derives from its own complex numbers."""
    a, b, initial = (tf.Variable(part) for part in problem[:3])
    weights = tf.constant(np.conj(solved(*problem)) + 1)

    def loss(states: Any) -> Any:
        return tf.reduce_sum(tf.math.real(states * weights))

    def joined(x: Any) -> Any:
        return tf.complex(*x) if isinstance(x, tuple) else x

    def parts(x: Any) -> Any:
        return (tf.math.real(x), tf.math.imag(x)) if x.dtype.is_complex else tf.identity(x)

    gradients = []
    for solve in (
        lambda *x: loss(joined(linear_recurrence(*map(parts, x), tensors(problem.mask)))),
        lambda *x: loss(looped(*x, problem.mask)),
    ):
        with tf.GradientTape() as tape:
            value = solve(a, b, initial)
        gradients.append(tape.gradient(value, [a, b, initial], unconnected_gradients="zero"))
    for ours, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


def looped(a: Any, b: Any, h: Any, mask: np.ndarray | None) -> Any:
    states = []
    for t in range(b.shape[0]):
        new = (a[t] if len(a.shape) == 3 else a) * h + b[t]
        h = new if mask is None else tf.where(mask[t], new, h)
        states.append(h)
    return tf.stack(states)


@pytest.mark.parametrize("is_complex", [False, True])
def test_compiled_for_unknown_shapes_it_gives_the_same_bytes_twice(is_complex: bool) -> None:
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Any:
        return tensors(rng.normal(size=shape) + (1j * rng.normal(size=shape) if is_complex else 0))

    def run(a: Any, b: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            h = linear_recurrence(a, b, mask=mask)
            loss = sum(tf.reduce_sum(part**3) for part in tf.nest.flatten(h))
        return h, tape.gradient(loss, [a, b])

    spec = tf.TensorSpec((None, None, 3), tf.float64)
    spec = (spec, spec) if is_complex else spec
    shapes = spec, spec, tf.TensorSpec((None, None, 1), tf.bool)
    compiled = tf.function(run, input_signature=shapes, jit_compile=True)
    for steps, batch in ((1, 2), (50, 4)):
        a, b = drawn(steps, batch, 3), drawn(steps, batch, 3)
        mask = tf.constant(rng.random((steps, batch, 1)) < 0.7)
        first, second = (tf.nest.flatten(compiled(a, b, mask)) for _ in range(2))
        assert [x.numpy().tobytes() for x in first] == [x.numpy().tobytes() for x in second]
        for ours, eager in zip(first, tf.nest.flatten(run(a, b, mask)), strict=True):
            np.testing.assert_allclose(ours, eager, rtol=1e-9)


def test_forward_fill_repeats_the_last_step_that_is_not_masked() -> None:
    mask = np.array([0, 1, 1, 0, 0, 1, 0], bool)[:, None, None]
    x = np.arange(1.0, 8)[:, None, None]
    filled = forward_fill(tf.constant(x), tf.constant(mask))
    assert filled.numpy().ravel().tolist() == [0, 2, 3, 3, 3, 6, 6]


def test_real_and_complex_numbers_cannot_be_mixed() -> None:
    b = tf.zeros((2, 1, 1))
    with pytest.raises(ValueError, match="both real, or both tuples"):
        linear_recurrence((b, b), b)
