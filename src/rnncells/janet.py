"""JANET, "just another network": an LSTM that keeps only its forget gate.

van der Westhuizen & Lasenby (2018), "The unreasonable effectiveness of the forget gate",
arXiv:1804.04849; the authors' code is github.com/JosvanderWesthuizen/janet.

f, j = W x + U h' + b
c = sigmoid(f) * c' + sigmoid(beta - f) * tanh(j),    h = c

sigmoid(beta - f) is 1 - sigmoid(f - beta): with beta > 0, more is written than is forgotten.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from rnncells.cell_layer import CellLayer


class JANETCell(keras.Layer):  # type: ignore[misc]
    """One step: x (batch, features) and c (batch, units) to c (batch, units), all floating.

    Raises ValueError for max_steps below 2.
    """

    def __init__(
        self, units: int, beta: float = 1.0, max_steps: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if max_steps is not None and max_steps < 2:
            raise ValueError(f"max_steps is {max_steps}, expected at least 2")
        self.units = self.state_size = units
        self.beta, self.max_steps = beta, max_steps

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create W (features, 2 units), U (units, 2 units) and b (2 units,)."""
        gates = 2 * self.units
        self.kernel = self.add_weight((input_shape[-1], gates), name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, gates), "orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight((gates,), self._initial_bias, name="bias")

    def _initial_bias(self, shape: tuple[int], dtype: str) -> Any:
        forget = ops.ones(self.units, dtype)
        if self.max_steps is not None:
            uniform = keras.initializers.RandomUniform(1, self.max_steps - 1)
            forget = ops.log(uniform((self.units,), dtype))
        return ops.concatenate([forget, ops.zeros(shape[0] - self.units, dtype)])

    def call(self, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """The output and the list of states after a step."""
        (c,) = states
        gates = ops.matmul(inputs, self.kernel) + ops.matmul(c, self.recurrent_kernel) + self.bias
        f, j = ops.split(gates, 2, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(self.beta - f) * ops.tanh(j)
        return c, [c]


@keras.saving.register_keras_serializable("rnncells")
class JANET(CellLayer):
    """JANET for x (batch, steps, features): 2 units (features + units + 1) parameters.

    beta: how much later than forgetting writing is closed; the authors have 1.
    max_steps: the longest dependency that is expected; the biases of the forget gates are then
    log U(1, max_steps - 1), the chrono initialization of Tallec & Ollivier (2018),
    arXiv:1804.11188, and otherwise 1.
    """

    def __init__(
        self, units: int, beta: float = 1.0, max_steps: int | None = None, **kwargs: Any
    ) -> None:
        arguments = {"units": units, "beta": beta, "max_steps": max_steps}
        super().__init__(JANETCell, arguments, **kwargs)
