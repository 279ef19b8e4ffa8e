"""Gradients of matrix products with explicit transposes.

XLA compiles code of its own, with the same results on all CPUs, for products of matrices as they
are. For a product with a transposed matrix, as in TensorFlow's gradients, it calls a library.
"""

from __future__ import annotations

from typing import Any

from tensorflow import matmul, transpose
from tensorflow.python.framework import ops


def transpose_explicitly() -> None:
    """Replace the gradients of TensorFlow's MatMul; it has no public way to do that."""
    entry = ops.gradient_registry._registry["MatMul"]
    default = entry["type"]
    # There is one registry, and a second replacement would only be slower.
    if default.__module__ == __name__:
        return

    def gradients(operation: Any, gradient: Any) -> Any:
        """Of a product x y: g y^T and x^T g, where g is the gradient of x y."""
        # Keras's layers do not transpose; other code may.
        if operation.get_attr("transpose_a") or operation.get_attr("transpose_b"):
            return default(operation, gradient)
        x, y = operation.inputs
        unneeded = getattr(operation, "skip_input_indices", None) or ()
        return (
            None if 0 in unneeded else matmul(gradient, transpose(y)),
            None if 1 in unneeded else matmul(transpose(x), gradient),
        )

    entry["type"] = gradients
