"""A Keras network's output, its recurrent layers computed by `recurrences`.

The network stays Keras's own, and so does every layer that is not recurrent, or that asks for
more than `recurrences` knows.
"""

from __future__ import annotations

from typing import Any

from rnnbench.models.keras import recurrences
from rnnbench.models.keras.runtime import start


def forward(network: Any, x: Any, training: bool) -> Any:
    """What ``network(x, training=training)`` gives, by the same equations."""
    layers = network.layers
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        if _known(layer):
            x = _recurrent(layer, x)
        # The product of a one-hot vector and a kernel is a row of the kernel.
        elif not (_one_hot(layer) and _known(following)):
            x = layer(x, training=training)
    return x


def _known(layer: Any) -> bool:
    """Whether `recurrences` gives the output of this layer."""
    _, keras = start()
    kind = type(layer)
    if kind is keras.layers.Bidirectional:
        both = _known(layer.forward_layer) and _known(layer.backward_layer)
        return both and layer.merge_mode == "concat" and layer.activity_regularizer is None
    if kind not in (keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU):
        return False
    cell = layer.cell
    gate = getattr(cell, "recurrent_activation", keras.activations.sigmoid)
    if cell.activation is not keras.activations.tanh or gate is not keras.activations.sigmoid:
        return False
    unusual = (layer.stateful, layer.return_state, layer.zero_output_for_mask)
    random = cell.dropout or cell.recurrent_dropout
    if any(unusual) or random or layer.activity_regularizer is not None:
        return False
    return getattr(cell, "reset_after", True) and cell.compute_dtype == "float32"


def _one_hot(layer: Any) -> bool:
    _, keras = start()
    return type(layer) is keras.layers.CategoryEncoding and layer.output_mode == "one_hot"


def _recurrent(layer: Any, x: Any) -> Any:
    """The output of a layer that is `_known`, for vectors or ids of shape (batch, steps, ...)."""
    tf, keras = start()
    mask = getattr(x, "_keras_mask", None)
    kept = None if mask is None else tf.cast(tf.transpose(mask), tf.float32)[..., None]
    if type(layer) is keras.layers.Bidirectional:
        directions = [layer.forward_layer, layer.backward_layer]
    else:
        directions = [layer]
    outputs = []
    for one in directions:
        states = _states(one, x, kept)
        if not one.return_sequences:
            states = states[0 if one.go_backwards else -1]
        # Keras gives the states of a single layer in the order in which it meets the steps.
        elif one.go_backwards and one is layer:
            states = tf.reverse(states, [0])
        outputs.append(states)
    output = tf.concat(outputs, -1)
    if len(output.shape) == 3:
        output = tf.transpose(output, (1, 0, 2))
        # Where Keras keeps the mask of a layer's output.
        output._keras_mask = mask
    return output


def _states(layer: Any, x: Any, mask: Any) -> Any:
    """The state after every step, shape (steps, batch, units)."""
    tf, keras = start()
    kernel, recurrent, *biases = (tf.convert_to_tensor(w) for w in layer.cell.weights)
    bias = biases[0] if biases else tf.zeros(())
    recurrent_bias = tf.zeros(())
    if type(layer) is keras.layers.GRU and biases:
        bias, recurrent_bias = tf.unstack(bias)
    inputs = _products(x, kernel) + bias
    if type(layer) is keras.layers.SimpleRNN:
        return recurrences.simple_rnn(inputs, recurrent, mask, layer.go_backwards)
    if type(layer) is keras.layers.LSTM:
        return recurrences.lstm(inputs, recurrent, mask, layer.go_backwards)
    return recurrences.gru(inputs, recurrent, recurrent_bias, mask, layer.go_backwards)


def _products(x: Any, kernel: Any) -> Any:
    """The product of every step with the input kernel, shape (steps, batch, columns)."""
    tf, _ = start()
    if x.dtype.is_integer:
        return _rows(kernel, tf.transpose(x))
    steps = tf.transpose(x, (1, 0, 2))
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
