"""A Keras network's output, its recurrent layers computed by `recurrences`.

The network stays Keras's own, and so does every layer that is not recurrent, or that asks for
more than `recurrences` knows.
"""

from __future__ import annotations

from typing import Any

from rnnbench.models.keras import recurrences
from rnnbench.models.keras.runtime import start


def forward(network: Any, x: Any, training: bool) -> Any:
    """What ``network(x, training=training)`` gives, by the same equations, float32.

    network: a Sequential.
    x: a batch as the network takes it, shape (batch, ...); all its sizes must be known.
    """
    layers, ids = network.layers, False
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if _known(layer):
            x, ids = _recurrent(layer, x, ids), False
        elif _one_hot(layer) and _known(following):
            # The product of a one-hot vector and a kernel is a row of the kernel.
            ids = True
        else:
            x = layer(x, training=training)
    return x


def _known(layer: Any) -> bool:
    """Whether `recurrences` gives the output of this layer."""
    _, keras = start()
    kind = type(layer)
    if layer.compute_dtype != "float32":
        return False
    if kind is keras.layers.Bidirectional:
        both = _known(layer.forward_layer) and _known(layer.backward_layer)
        return both and layer.merge_mode == "concat" and layer.activity_regularizer is None
    if kind not in (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU):
        return False
    cell = layer.cell
    gate = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
    if cell.activation is not keras.activations.tanh or gate is not keras.activations.sigmoid:
        return False
    # Unrolled, Keras puts the zeros of a mask elsewhere than in its loop.
    other = layer.stateful or layer.return_state or layer.unroll
    if other or cell.dropout or cell.recurrent_dropout or layer.activity_regularizer is not None:
        return False
    return getattr(cell, "reset_after", True)


def _one_hot(layer: Any) -> bool:
    _, keras = start()
    return type(layer) is keras.layers.CategoryEncoding and layer.output_mode == "one_hot"


def _recurrent(layer: Any, x: Any, ids: bool) -> Any:
    """The output of a layer that is `_known`, for vectors of shape (batch, steps, n).

    ids: whether x holds ids, shape (batch, steps), in place of one-hot vectors.
    """
    tf, keras = start()
    mask = getattr(x, "_keras_mask", None)
    kept = None if mask is None else tf.cast(tf.transpose(mask), tf.float32)[..., None]
    if type(layer) is keras.layers.Bidirectional:
        directions = [layer.forward_layer, layer.backward_layer]
    else:
        directions = [layer]
    outputs = []
    for one in directions:
        states = _states(one, x, ids, kept)
        if one.zero_output_for_mask and kept is not None:
            states *= kept
        if not one.return_sequences:
            states = states[0 if one.go_backwards else -1]
        outputs.append(states)
    output = tf.concat(outputs, -1)
    if directions[0].return_sequences:
        # Keras gives the states in the order in which the first direction meets the steps.
        if directions[0].go_backwards:
            output = tf.reverse(output, [0])
        output = tf.transpose(output, (1, 0, 2))
        # Where Keras keeps the mask of a layer's output.
        output._keras_mask = mask
    return output


def _states(layer: Any, x: Any, ids: bool, mask: Any) -> Any:
    """The state after every step, shape (steps, batch, units)."""
    tf, keras = start()
    kernel, recurrent, *biases = (tf.convert_to_tensor(w) for w in layer.cell.weights)
    bias = biases[0] if biases else tf.zeros(kernel.shape[1:])
    recurrent_bias = tf.zeros(kernel.shape[1:])
    if type(layer) is keras.layers.GRU and biases:
        bias, recurrent_bias = tf.unstack(bias)
    inputs = (_rows(kernel, tf.transpose(x)) if ids else _products(x, kernel)) + bias
    if type(layer) is keras.layers.SimpleRNN:
        return recurrences.simple_rnn(inputs, recurrent, mask, layer.go_backwards)
    if type(layer) is keras.layers.LSTM:
        return recurrences.lstm(inputs, recurrent, mask, layer.go_backwards)
    return recurrences.gru(inputs, recurrent, recurrent_bias, mask, layer.go_backwards)


def _products(x: Any, kernel: Any) -> Any:
    """The product of every step with the input kernel, shape (steps, batch, columns)."""
    tf, _ = start()
    steps = tf.transpose(tf.cast(x, kernel.dtype), (1, 0, 2))
    flat = tf.reshape(steps, (-1, x.shape[-1])) @ kernel
    return tf.reshape(flat, (*steps.shape[:2], -1))


def _rows(kernel: Any, ids: Any) -> Any:
    """Rows of the kernel; its gradient is dense, as that of a product is."""
    tf, _ = start()

    def rows(kernel: Any) -> Any:
        def gradient(slopes: Any) -> Any:
            flat = tf.reshape(slopes, (-1, slopes.shape[-1]))
            return tf.math.unsorted_segment_sum(flat, tf.reshape(ids, (-1,)), kernel.shape[0])

        return tf.gather(kernel, ids), gradient

    return tf.custom_gradient(rows)(kernel)
