"""Gradients of matrix products with explicit transposes.

XLA has code of its own, equal on all CPUs, for products of matrices as they are. For a product
with a transposed one, as TensorFlow's own gradients are, it calls a library.
"""

from __future__ import annotations

from typing import Any

from tensorflow import matmul, transpose
from tensorflow.python.framework import ops


def transpose_explicitly() -> None:
    """Register `_gradients` for TensorFlow's MatMul; there is no public way to replace one."""
    entry = ops.gradient_registry._registry["MatMul"]
    if entry["type"] is not _gradients:
        _original.append(entry["type"])
        entry["type"] = _gradients


_original: list[Any] = []


def _gradients(operation: Any, gradient: Any) -> Any:
    """The gradients of a product x y: g y^T and x^T g, where g is the gradient of x y."""
    if operation.get_attr("transpose_a") or operation.get_attr("transpose_b"):
        return _original[0](operation, gradient)
    x, y = operation.inputs
    unneeded = getattr(operation, "skip_input_indices", None) or ()
    return (
        None if 0 in unneeded else matmul(gradient, transpose(y)),
        None if 1 in unneeded else matmul(transpose(x), gradient),
    )
