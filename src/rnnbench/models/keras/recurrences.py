"""The loops over time of SimpleRNN, LSTM and GRU, with gradients derived by hand.

What TensorFlow derives from Keras's loop multiplies and adds the gradients of the recurrent
kernel at every step, and keeps every intermediate result. Here a step back has one product, and
the gradients of the kernels are single products over all steps (Werbos 1990, "Backpropagation
through time: what it does and how to do it", Proc. IEEE 78). Equations, gates and their order
are those of Keras's cells.

All arrays are time-major: `inputs` holds the products with the input kernel, biases added, of
shape (steps, batch, gates * units); the result holds the state after each step, shape (steps,
batch, units). `mask`, None or of shape (steps, batch, 1), is 0 where a step keeps the state as
it is. `reverse` goes from the last step to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rnnbench.models.keras.runtime import start


def simple_rnn(inputs: Any, recurrent: Any, mask: Any, reverse: bool) -> Any:
    """h = tanh(x + h' R), from x in `inputs` and the state h' before."""
    tf, _ = start()
    units = recurrent.shape[0]

    def states(inputs: Any, recurrent: Any) -> Any:
        def step(at: Any, h: Any) -> Any:
            h = _kept(mask, at, tf.tanh(inputs[at] + h @ recurrent), h)
            return (h,), (h,)

        (h,) = _scan(step, inputs, (units,), (units,), reverse)

        def gradient(of_h: Any) -> Any:
            back = tf.transpose(recurrent)

            def step(at: Any, carried: Any) -> Any:
                total, skipped = _taken(mask, at, carried + of_h[at])
                slope = total * (1 - h[at] * h[at])
                return (_joined(slope @ back, skipped),), (slope,)

            (slope,) = _scan(step, inputs, (units,), (units,), not reverse)
            return slope, _product(_before(h, reverse), slope)

        return h, gradient

    return tf.custom_gradient(states)(inputs, recurrent)


def lstm(inputs: Any, recurrent: Any, mask: Any, reverse: bool) -> Any:
    """Gates i, f, g, o = act(x + h' R); c = f c' + i g; h = o tanh(c).

    Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation 9; the forget
    gate: Gers, Schmidhuber and Cummins 2000, "Learning to forget", Neural Computation 12.
    """
    tf, _ = start()
    units = recurrent.shape[0]

    def states(inputs: Any, recurrent: Any) -> Any:
        def step(at: Any, h: Any, c: Any) -> Any:
            i, f, g, o = tf.split(inputs[at] + h @ recurrent, 4, -1)
            i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
            memory = f * c + i * g
            h = _kept(mask, at, o * tf.tanh(memory), h)
            c = _kept(mask, at, memory, c)
            return (h, c), (h, c, tf.concat([i, f, g, o], -1))

        h, c, gates = _scan(step, inputs, (units, units), (units, units, 4 * units), reverse)

        def gradient(of_h: Any) -> Any:
            back, earlier = tf.transpose(recurrent), _before(c, reverse)
            i, f, g, o = tf.split(gates, 4, -1)
            tanh = tf.tanh(c)
            # How the input of each gate moves c, or h; and how c moves h.
            moves = [g * i * (1 - i), earlier * f * (1 - f), i * (1 - g * g), tanh * o * (1 - o)]
            slopes, through = tf.concat(moves, -1), o * (1 - tanh * tanh)

            def step(at: Any, carried: Any, of_c: Any) -> Any:
                total, skipped = _taken(mask, at, carried + of_h[at])
                of_c, skipped_c = _taken(mask, at, of_c)
                of_c += total * through[at]
                slope = tf.concat([of_c, of_c, of_c, total], -1) * slopes[at]
                after = _joined(slope @ back, skipped), _joined(of_c * f[at], skipped_c)
                return after, (slope,)

            (slope,) = _scan(step, inputs, (units, units), (4 * units,), not reverse)
            return slope, _product(_before(h, reverse), slope)

        return h, gradient

    return tf.custom_gradient(states)(inputs, recurrent)


def gru(inputs: Any, recurrent: Any, bias: Any, mask: Any, reverse: bool) -> Any:
    """u = h' R + b; z, r = sigmoid(x + u); g = tanh(x + r u); h = z h' + (1 - z) g.

    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", EMNLP, with the
    reset gate after the product, as in Keras's ``reset_after``. `bias`: b, shape (3 * units,).
    """
    tf, _ = start()
    units = recurrent.shape[0]

    def states(inputs: Any, recurrent: Any, bias: Any) -> Any:
        def step(at: Any, h: Any) -> Any:
            x, u = inputs[at], h @ recurrent + bias
            z, r = tf.split(tf.sigmoid(x[:, : 2 * units] + u[:, : 2 * units]), 2, -1)
            product = u[:, 2 * units :]
            g = tf.tanh(x[:, 2 * units :] + r * product)
            h = _kept(mask, at, z * h + (1 - z) * g, h)
            return (h,), (h, tf.concat([z, r, g, product], -1))

        h, parts = _scan(step, inputs, (units,), (units, 4 * units), reverse)

        def gradient(of_h: Any) -> Any:
            back, earlier = tf.transpose(recurrent), _before(h, reverse)

            def step(at: Any, carried: Any) -> Any:
                z, r, g, product = tf.split(parts[at], 4, -1)
                total, skipped = _taken(mask, at, carried + of_h[at])
                of_g = total * (1 - z) * (1 - g * g)
                of_z = total * (earlier[at] - g) * z * (1 - z)
                slope = tf.concat([of_z, of_g * product * r * (1 - r), of_g * r], -1)
                return (_joined(slope @ back + total * z, skipped),), (slope, of_g)

            slope, of_g = _scan(step, inputs, (units,), (3 * units, units), not reverse)
            outside = tf.concat([slope[..., : 2 * units], of_g], -1)
            return outside, _product(earlier, slope), tf.reduce_sum(slope, (0, 1))

        return h, gradient

    return tf.custom_gradient(states)(inputs, recurrent, bias)


def _scan(
    step: Callable[..., Any],
    inputs: Any,
    carried: Sequence[int],
    kept: Sequence[int],
    reverse: bool,
) -> list[Any]:
    """Repeat `step` over time, from zeros, and return what it keeps, by time.

    step: from a time and the carried arrays to the next carried arrays and those to keep.
    carried, kept: the sizes of the arrays' last axes.
    """
    tf, _ = start()
    steps, batch = inputs.shape[:2]

    def body(number: Any, before: Any, written: Any) -> Any:
        at = steps - 1 - number if reverse else number
        after, results = step(at, *before)
        written = [array.write(at, one) for array, one in zip(written, results, strict=True)]
        return number + 1, after, written

    zeros = tuple(tf.zeros((batch, size), inputs.dtype) for size in carried)
    arrays = [tf.TensorArray(inputs.dtype, steps, element_shape=(batch, size)) for size in kept]
    _, _, arrays = tf.while_loop(
        lambda number, *_: number < steps, body, (0, zeros, arrays), maximum_iterations=steps
    )
    return [array.stack() for array in arrays]


def _kept(mask: Any, at: Any, new: Any, old: Any) -> Any:
    """The state after a step that the mask may leave out."""
    tf, _ = start()
    return new if mask is None else tf.where(mask[at] > 0, new, old)


def _taken(mask: Any, at: Any, gradient: Any) -> tuple[Any, Any]:
    """The part of a state's gradient that goes through the step, and the part that skips it."""
    if mask is None:
        return gradient, None
    through = gradient * mask[at]
    return through, gradient - through


def _joined(through: Any, skipped: Any) -> Any:
    return through if skipped is None else through + skipped


def _before(states: Any, reverse: bool) -> Any:
    """The states before every step."""
    tf, _ = start()
    first = tf.zeros_like(states[:1])
    return tf.concat([states[1:], first] if reverse else [first, states[:-1]], 0)


def _product(states: Any, slopes: Any) -> Any:
    """The gradient of a recurrent kernel, summed over all steps and samples."""
    tf, _ = start()
    rows = tf.reshape(states, (-1, states.shape[-1]))
    return tf.matmul(rows, tf.reshape(slopes, (-1, slopes.shape[-1])), transpose_a=True)
