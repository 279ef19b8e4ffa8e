"""The project's prepared data, for benchmarks."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import click
import numpy as np

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples, read_meta, read_samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras.layers import WRAPPED, name_and_arguments
from rnnbench.params import Params, load_params

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


def plain_network(settings: Any, meta: Meta) -> Any:
    """The compiled network of a variant, made and left as Keras makes it by default."""
    import keras

    def layer(spec: Any) -> Any:
        name, arguments = name_and_arguments(spec)
        for inner in WRAPPED & arguments.keys():
            arguments[inner] = layer(arguments[inner])
        if name == "Embedding":
            arguments.setdefault("input_dim", meta.vocabulary_size)
        return getattr(keras.layers, name)(**arguments)

    front = []
    if meta.encoding == "one_hot":
        front = [keras.layers.CategoryEncoding(meta.vocabulary_size, output_mode="one_hot")]
    classes = {"binary": (1, "sigmoid"), "number": (1, "linear")}
    units, activation = classes.get(meta.target, (len(meta.classes), "softmax"))
    last = [keras.layers.Dense(units, activation=activation)] if settings.output_layer else []
    network = keras.Sequential([*front, *map(layer, settings.layers), *last])
    name, arguments = name_and_arguments(settings.optimizer)
    losses = {"binary": "binary_crossentropy", "number": "mse"}
    network.compile(
        getattr(keras.optimizers, name)(**arguments),
        losses.get(meta.target, "sparse_categorical_crossentropy"),
        metrics=["accuracy"],
    )
    return network


def peak_mib() -> float:
    """The largest resident memory of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # Unlike ru_maxrss it does not begin with the peak of the process that started this one.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**10
