"""The project's prepared data, for benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from rnnbench.params import Params, load_params
from rnnbench.prepared import Meta, Ragged, Samples, read_meta, read_samples
from rnnbench.workspace import Workspace

ROOT = Path(__file__).parents[1]


def project() -> tuple[Workspace, Params]:
    """The project that this folder belongs to."""
    workspace = Workspace(ROOT)
    return workspace, load_params(workspace.params)


def prepared(dataset: str) -> tuple[Meta, Samples, Samples]:
    """What a dataset is, and its two splits; raises click.ClickException if it is not there."""
    folder = Workspace(ROOT).prepared(dataset)
    if not folder.is_dir():
        raise click.ClickException(f"{folder} is missing: run dvc repro first")
    return read_meta(folder), read_samples(folder, "train"), read_samples(folder, "evaluation")


def padded_batches(x: Ragged, y: np.ndarray, size: int) -> Any:
    """What `fit` takes: batches in random order, each padded to its longest text."""
    import tensorflow as tf

    signature = (tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32))
    data = tf.data.Dataset.from_generator(
        lambda: ((x[row].astype(np.int32), y[row]) for row in range(len(y))),
        output_signature=signature,
    )
    return data.cache().shuffle(len(y)).padded_batch(size).prefetch(2)
