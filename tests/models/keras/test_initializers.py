import numpy as np
import pytest

from rnnbench.models.keras.runtime import load_backend


@pytest.mark.parametrize("shape", [(64, 256), (8, 8), (256, 64), (3, 4, 5)])
def test_orthogonal_weights_are_those_of_keras_up_to_rounding(shape: tuple[int, ...]) -> None:
    _, keras = load_backend()
    initializer = keras.initializers.Orthogonal(gain=2.0, seed=3)
    flat = np.asarray(initializer(shape)).reshape(-1, shape[-1]).astype(np.float64)
    rows, columns = flat.shape
    size = max(rows, columns), min(rows, columns)
    q, r = keras.ops.qr(keras.random.normal(size, seed=3))
    expected = np.asarray(2.0 * q * keras.ops.sign(keras.ops.diag(r)))
    np.testing.assert_allclose(flat, expected.T if rows < columns else expected, atol=1e-5)
    product = flat.T @ flat if rows >= columns else flat @ flat.T
    np.testing.assert_allclose(product, 4 * np.eye(size[1]), atol=1e-6)


def test_two_recurrent_layers_have_different_orthogonal_weights() -> None:
    _, keras = load_backend()
    keras.utils.set_random_seed(1)
    first, second = (keras.layers.SimpleRNN(4) for _ in range(2))
    first.build((None, None, 2))
    second.build((None, None, 2))
    assert not np.array_equal(*(np.asarray(layer.weights[1]) for layer in (first, second)))


def test_orthogonal_weights_need_a_matrix() -> None:
    _, keras = load_backend()
    with pytest.raises(ValueError, match="at least two-dimensional"):
        keras.initializers.Orthogonal()((3,))
