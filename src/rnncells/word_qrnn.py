"""WordQRNN, a bidirectional quasi-recurrent network straight on words, for classifying texts.

f_t, z_t = sigmoid, tanh of b + W_0[x_t] + W_1[x_{t-1}] + ... + W_{k-1}[x_{t-k+1}]
c_t = f_t * c_{t-1} + z_t
h_t = tanh(c_t)

x_t is the number of a word and W[x] a row of a table, as if words were one-hot vectors: nothing
stands between them and the gates. The cell is the LSTM without input and output gate of Johnson &
Zhang (2016), "Supervised and semi-supervised text categorization using LSTM for region embeddings",
arXiv:1602.02373, which has words, one-hot, and the state before in its gates; here a window of k
words takes the place of the state, as in the QRNN (Bradbury et al. 2016, arXiv:1611.01576), so that
the recurrence is linear. The second direction reads the text from its end, with tables of its own.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from rnncells.linear_recurrence import linear_recurrence


@keras.saving.register_keras_serializable("rnncells")
class WordQRNN(keras.layers.Layer):  # type: ignore[misc]
    """x (batch, steps), whole numbers, to h of both directions (batch, steps, 2 units).

    4 window units input_dim + 4 units parameters. 0 is padding: its h is 0, and it is in no window
    but as zeros.

    units: of each direction. input_dim: the number of words, padding included. window: the number
    of words that decide a gate. word_dropout: the share of words that are left out in training, as
    if they had no row; the others are not scaled. Raises ValueError for a window below 1.
    """

    def __init__(
        self, units: int, input_dim: int, window: int = 2, word_dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if window < 1:
            raise ValueError(f"window is {window}, expected at least 1")
        self.units, self.input_dim = units, input_dim
        self.window, self.word_dropout = window, word_dropout
        self._seed = keras.random.SeedGenerator()

    def build(self, input_shape: tuple[Any, ...]) -> None:  # noqa: ARG002
        """Create all W as one table (input_dim, 2 window 2 units), and b (2, 2 units)."""
        columns = 2 * self.window * 2 * self.units
        self.table = self.add_weight((self.input_dim, columns), "uniform", name="table")
        self.bias = self.add_weight((2, 2 * self.units), "zeros", name="bias")

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The outputs of all steps; both directions have the order of the text."""
        words = ops.cast(ops.transpose(inputs), "int32")
        is_word = words > 0
        shown = is_word
        if training and self.word_dropout:
            kept = keras.random.uniform(ops.shape(words), seed=self._seed) >= self.word_dropout
            shown = ops.logical_and(is_word, kept)
        dtype = self.compute_dtype
        mask, shown = (ops.cast(part[..., None], dtype) for part in (is_word, shown))
        rows = ops.take(self.table, words, axis=0) * shown
        parts = ops.split(rows, 2 * self.window, axis=-1)
        outputs = []
        for direction in (0, 1):
            gates = self.bias[direction]
            for back, part in enumerate(parts[direction::2]):
                gates = gates + _shifted(part, back, backwards=direction == 1)
            f, z = ops.split(gates, 2, axis=-1)
            a, b = ops.sigmoid(f), ops.tanh(z) * mask
            if direction:
                a, b = ops.flip(a, 0), ops.flip(b, 0)
            c = linear_recurrence(a, b)
            outputs.append(ops.tanh(ops.flip(c, 0) if direction else c) * mask)
        return ops.transpose(ops.concatenate(outputs, axis=-1), (1, 0, 2))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """(batch, steps, 2 units)."""
        return (*input_shape, 2 * self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"units": self.units, "input_dim": self.input_dim, "window": self.window}
        return {**super().get_config(), **own, "word_dropout": self.word_dropout}


def _shifted(x: Any, by: int, backwards: bool) -> Any:
    """x (steps, batch, units) of `by` steps before, or after if `backwards`; else zeros."""
    if by == 0:
        return x
    zeros = ops.zeros_like(x)
    joined = [x, zeros] if backwards else [zeros, x]
    together = ops.concatenate(joined, axis=0)
    steps = ops.shape(x)[0]
    start = by if backwards else steps - by
    return ops.slice(together, (start, 0, 0), ops.shape(x))
