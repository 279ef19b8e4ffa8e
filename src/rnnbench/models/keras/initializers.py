"""Orthogonal initial weights, from NumPy's QR decomposition.

TensorFlow's, by Eigen, splits sums by the sizes of the CPU's caches.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np


def decompose_with_numpy() -> None:
    """Replace `keras.initializers.Orthogonal`'s decomposition; Keras has no public way to do that.

    The weights are drawn from the same seed and the same distribution, in float64, and differ from
    Keras's by rounding. Initializers keep their class, so models are saved and loaded as before.
    """
    initializer = keras.initializers.Orthogonal
    default = initializer.__call__
    if default.__module__ == __name__:
        return

    def draw(self: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """A matrix with orthonormal rows or columns; Keras raises ValueError for a vector."""
        if len(shape) < 2:
            return default(self, shape, dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        size = max(rows, columns), min(rows, columns)
        normal = keras.random.normal(size, seed=self.seed, dtype=dtype)
        q, r = np.linalg.qr(np.asarray(normal, np.float64))
        # Without the signs the matrix is orthogonal but not uniformly distributed.
        q *= self.gain * np.sign(np.diag(r))
        return keras.ops.convert_to_tensor((q.T if rows < columns else q).reshape(shape), dtype)

    initializer.__call__ = draw
