"""Whether the padding of whole texts changes what a network computes, found by trying it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras.runtime import keras_errors, load_backend, refusal

# Narrow and wide batches; the second pair for layers that need more steps than the first one has.
_WIDTHS = ((3, 8), (64, 96))
# Texts that fill a narrow batch, besides shorter ones. A maximum hides padding of 0 from some.
_FULL = 8
# Relative to the largest value; sums over more steps are rounded differently.
_TOLERANCE = 1e-4


def check_padding(network: Any, keys: list[str], vocabulary_size: int) -> None:
    """Raise ParamsError for the first layer after which padding counts, or which Keras cannot run.

    A layer may lose the mask of the Embedding if later layers reduce the steps to a vector that
    padding does not change.

    network: a Sequential that takes ids below vocabulary_size, shape (batch, width), int32; its
    weights and random states stay as they are. keys: those of its layers.
    """
    narrow, wide = _WIDTHS
    try:
        index = _first_that_counts(network, keys, vocabulary_size, narrow)
    except ParamsError:
        index = _first_that_counts(network, keys, vocabulary_size, wide)
    if index is not None:
        problem = "padding counts as words: the output for a text depends on the width of its batch"
        allowed = "layers that respect the mask of the Embedding, or a dataset with a length"
        raise ParamsError("params.yaml", [ErrorDetail(keys[index], problem, allowed)])


def _first_that_counts(
    network: Any, keys: list[str], vocabulary_size: int, widths: tuple[int, int]
) -> int | None:
    tf, _ = load_backend()
    rng = np.random.default_rng(0)
    # At least one id besides that of padding.
    high = max(vocabulary_size, 2)
    lengths = 1, 2, *[widths[0]] * _FULL
    texts = Ragged.of((rng.integers(1, high, length) for length in lengths), high)
    rows = np.arange(len(texts))
    outputs = [tf.constant(texts.padded_batch(rows, width), tf.int32) for width in widths]
    unmasked = None
    for index, (key, layer) in enumerate(zip(keys, network.layers, strict=True)):
        penalties = []
        with keras_errors(refusal(key)):
            for number, output in enumerate(outputs):
                outputs[number] = layer(output, training=False)
                penalties.append(float(sum(layer.losses)))
        if getattr(layer, "mask_zero", False):
            outputs[1] = _with_other_padding(outputs[1], rng)
        first, second = (_unpadded(output) for output in outputs)
        if first.shape != second.shape:
            # Nothing can be compared before the steps, which have no mask, become a vector.
            unmasked = index if unmasked is None else unmasked
        elif _equal(first, second) and _equal(*penalties):
            unmasked = None
        else:
            return index if unmasked is None else unmasked
    return None


def _with_other_padding(output: Any, rng: np.random.Generator) -> Any:
    """Vectors of an Embedding, shape (batch, width, size), with others where they are masked.

    Training can give the vector of padding any values.
    """
    tf, _ = load_backend()
    mask = output._keras_mask
    others = tf.constant(rng.normal(size=output.shape), output.dtype)
    changed = tf.where(mask[..., None], output, others)
    changed._keras_mask = mask
    return changed


def _unpadded(output: Any) -> NDArray[Any]:
    """The values at the steps that are not masked, or all values of an output without a mask."""
    values, mask = np.asarray(output), getattr(output, "_keras_mask", None)
    return values if mask is None else values[np.asarray(mask)]


def _equal(first: ArrayLike, second: ArrayLike) -> bool:
    largest = np.abs(first).max(initial=0)
    return np.allclose(first, second, rtol=0, atol=_TOLERANCE * largest)
