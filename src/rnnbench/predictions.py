"""What a variant answered: the arrays that the train stage leaves in data/predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import DataError
from rnnbench.prepared import Meta, Samples, read_array
from rnnbench.workspace import Workspace

# Targets with a probability of each class.
_MANY = ("classes", "steps")


def read_predictions(
    workspace: Workspace, name: str, split: str, meta: Meta, samples: Samples
) -> NDArray[np.float32]:
    """Predictions of one split, shape (replicates, n, ...) as `rnnbench.targets` has it.

    Replicates that diverged are left out; there may be none left, shape (0, n). Raises DataError
    if the file is missing, damaged, or made for other samples.
    """
    path = workspace.predictions(name) / f"{split}.npy"
    predictions = read_array(path)
    expected = (*samples.y.shape, *((len(meta.classes),) if meta.target in _MANY else ()))
    found = predictions.shape[1:]
    if found != (expected if len(predictions) else expected[:1]) or predictions.dtype.kind != "f":
        raise DataError(
            f"{path}: {predictions.dtype} of shape {predictions.shape}, expected numbers of shape "
            f"(replicates, {', '.join(map(str, expected))}); run dvc repro"
        )
    if not np.isfinite(predictions).all():
        raise DataError(f"{path}: holds values that are no numbers; run dvc repro")
    return predictions
