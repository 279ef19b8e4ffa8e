"""LRU, a linear recurrent unit: a diagonal linear recurrence of complex numbers.

Orvieto et al. (2023), "Resurrecting recurrent neural networks for long sequences",
arXiv:2303.06349; github.com/NicolasZucchet/minimal-LRU is a known implementation.

h_t = lambda * h_{t-1} + exp(gamma) * (B x_t),    lambda = exp(-exp(nu) + i exp(theta))
y_t = Re(C h_t) + D x_t

h has state_size complex numbers, y has units real ones. At first |lambda|^2 is uniform between
r_min^2 and r_max^2 and the phase of lambda between 0 and max_phase: uniform on a ring, if that is
2 pi. exp(gamma) is sqrt(1 - |lambda|^2), which keeps the size of the states; the elements of B, C
and D are normal with the variances 1/features (half of it in each part), 2/state_size and
1/features. D is a matrix, as in the paper; implementations with equally many features and units
often have its diagonal only. The layer is linear: what the paper puts between layers (GLU or MLP,
normalization, skip connections) are layers of their own.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops
from keras.initializers import RandomNormal, RandomUniform

from rnncells.linear_rnn import LinearRNN

# The logarithm of 0 is not finite.
_TINY = 1e-7


class LRUCell(keras.Layer):  # type: ignore[misc]
    """The weights of `LRU`; see `LinearRNN` for the methods."""

    def __init__(
        self,
        units: int,
        state_size: int | None,
        r_min: float,
        r_max: float,
        max_phase: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"r_min {r_min}, r_max {r_max}: expected 0 <= r_min < r_max <= 1")
        if max_phase <= 0:
            raise ValueError(f"max_phase is {max_phase}, expected a number above 0")
        size = units if state_size is None else state_size
        # Of the real and of the imaginary parts.
        self.state_size, self.output_size = [size, size], units
        # The same initializer gives the same numbers twice: in nu and in gamma.
        self._squared = RandomUniform(max(r_min**2, _TINY), r_max**2)
        self._phase = RandomUniform(_TINY, max_phase)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Create nu, theta, gamma (state_size,), and B, C, D, which vectors multiply as rows."""
        features, size, units = input_shape[-1], self.state_size[0], self.output_size
        self.nu = self.add_weight((size,), self._initial_nu, name="nu")
        self.theta = self.add_weight((size,), self._initial_theta, name="theta")
        self.gamma = self.add_weight((size,), self._initial_gamma, name="gamma")
        scales = {"b": (2 * features) ** -0.5, "c": size**-0.5, "d": features**-0.5}
        shapes = {"b": (features, size), "c": (size, units), "d": (features, units)}
        names = ("b_real", "b_imaginary", "c_real", "c_imaginary", "d")
        self.b_real, self.b_imaginary, self.c_real, self.c_imaginary, self.d = (
            self.add_weight(shapes[name[0]], RandomNormal(stddev=scales[name[0]]), name=name)
            for name in names
        )

    def _initial_nu(self, shape: tuple[int], dtype: str) -> Any:
        return ops.log(-ops.log(self._squared(shape, dtype)) / 2)

    def _initial_theta(self, shape: tuple[int], dtype: str) -> Any:
        return ops.log(self._phase(shape, dtype))

    def _initial_gamma(self, shape: tuple[int], dtype: str) -> Any:
        return ops.log(1 - self._squared(shape, dtype)) / 2

    def coefficients(self, x: Any, mask: Any) -> tuple[Any, Any, Any]:  # noqa: ARG002
        """lambda (state_size,), exp(gamma) B x (steps, batch, state_size), and x."""
        radius, phase, scale = ops.exp(-ops.exp(self.nu)), ops.exp(self.theta), ops.exp(self.gamma)
        a = radius * ops.cos(phase), radius * ops.sin(phase)
        b = ops.matmul(x, scale * self.b_real), ops.matmul(x, scale * self.b_imaginary)
        return a, b, x

    def output(self, h: tuple[Any, Any], x: Any) -> Any:
        """Re(C h) + D x, (steps, batch, units)."""
        real = ops.matmul(h[0], self.c_real) - ops.matmul(h[1], self.c_imaginary)
        return real + ops.matmul(x, self.d)


@keras.saving.register_keras_serializable("rnncells")
class LRU(LinearRNN):
    """LRU for x (batch, steps, features): s (2 features + 2 units + 3) + features units parameters.

    s: state_size, the number of complex numbers in the state; by default units. Gives
    (batch, units), or (batch, steps, units) with return_sequences; further arguments are those of
    keras.layers.RNN. Raises ValueError unless 0 <= r_min < r_max <= 1 and max_phase > 0.
    """

    def __init__(
        self,
        units: int,
        state_size: int | None = None,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        **kwargs: Any,
    ) -> None:
        ring = {"r_min": r_min, "r_max": r_max, "max_phase": max_phase}
        super().__init__(LRUCell, {"units": units, "state_size": state_size, **ring}, **kwargs)
