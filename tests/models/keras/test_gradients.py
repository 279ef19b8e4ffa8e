import numpy as np
import pytest

from rnnbench.models.keras.runtime import load_backend


@pytest.mark.parametrize("transposed", [False, True])
def test_the_gradients_of_a_product_are_those_of_its_formula(transposed: bool) -> None:
    tf, _ = load_backend()
    rng = np.random.default_rng(0)
    x, y, weights = (tf.constant(rng.standard_normal(s)) for s in ((3, 4), (4, 5), (3, 5)))
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        given = tf.transpose(y) if transposed else y
        total = tf.reduce_sum(tf.matmul(x, given, transpose_b=transposed) * weights)
    of_x, of_y = tape.gradient(total, [x, y])
    np.testing.assert_allclose(of_x, weights @ tf.transpose(y))
    np.testing.assert_allclose(of_y, tf.transpose(x) @ weights)


def test_only_the_needed_gradient_is_computed() -> None:
    tf, _ = load_backend()
    variable, constant = tf.Variable(np.eye(2)), tf.constant(np.eye(2))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(variable @ constant)
    np.testing.assert_allclose(tape.gradient(total, variable), np.ones((2, 2)))
