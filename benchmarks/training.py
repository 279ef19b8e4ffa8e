"""Training next to Keras's `fit`, PyTorch and JAX: epochs, and the whole comparison.

The whole comparison in plain Keras would take most of a day. So each of its Keras rows runs three
epochs on the variant's data; the duration of the last stands for all but the first. Validation
after each epoch is part of them, as in the tutorials. The NumPy network counts with an epoch of the
tutorial's algorithm, every other row with its cost in rnnbench.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import ENVIRONMENT
from benchmarks.results import table, time_row
from benchmarks.timing import PEERS, ROOT, Worker, duration, times
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models.keras.network import name_and_arguments
from rnnbench.params import load_params
from rnnbench.training.outputs import read_cost
from rnnbench.training.replicate import Data, Dataset

SMALL = {
    "imdb_embedding_simple_rnn": "SimpleRNN",
    "imdb_embedding_lstm": "LSTM",
    "imdb_embedding_gru": "GRU",
}
WHOLE_REVIEWS = "imdb_subword_bidirectional_lstm"
# Epochs of whole texts take minutes; these many texts stand for all.
WHOLE_TEXTS = 1024
# The mean loss of guessing is 0.693.
LEARNED = 0.68


def run() -> str:
    """Rows per cell: `fit` twice, PyTorch and JAX where they are installed; and whole reviews."""
    others = {"keras": "`fit`, Keras's defaults", "xla": "`fit`, `jit_compile=True`"}
    for package, title in (("torch", "PyTorch"), ("jax", "JAX")):
        if version := _version(package):
            others[package] = f"{title} {version}, one thread"
        else:
            print(f"{title} is not installed: its rows are left out")
    rows = []
    for name, cell in SMALL.items():
        contenders = {
            "rnnbench": ("training", "epoch", name),
            "keras": ("training", "fit", name),
            "xla": ("training", "fit", name, "xla"),
            "torch": ("peers", "torch", cell),
            "jax": ("peers", "jax", cell),
        }
        found = times({n: c for n, c in contenders.items() if n == "rnnbench" or n in others})
        if failed := [name for name, measured in found.items() if measured.value > LEARNED]:
            raise SystemExit(f"{cell}: {', '.join(failed)} did not learn")
        what = f"epoch of 556 steps of 32 reviews, {cell}(8)"
        rows += [time_row(what, title, found["rnnbench"], found[n]) for n, title in others.items()]
    found = times({n: ("training", n, WHOLE_REVIEWS) for n in ("epoch", "fit")})
    what = f"epoch of {WHOLE_TEXTS:,} whole reviews, bidirectional LSTM(64) on subwords"
    other = "`fit` of batches padded to their longest review"
    return table([*rows, time_row(what, other, found["epoch"], found["fit"])])


def whole_table() -> str:
    """One row. `make reproduce` counts as half the sum of all trainings without REPRODUCE."""
    workspace = Workspace(ROOT)
    params = load_params(workspace.params)
    plain = total = 0.0
    for name, settings in params.variants.items():
        cost = other = read_cost(workspace, name).seconds
        if settings.model in ("keras", "numpy_rnn"):
            keras = settings.model == "keras"
            contender = ("training", "fit", name, "epochs")
            with Worker(contender if keras else ("from_scratch", "tutorial")) as worker:
                seconds, value = worker.round()
            first, *_, last = value if keras else (seconds, seconds)
            epochs = settings.epochs * last / _share(load(name)[1])
            other = params.replicates_of(name) * (max(first - last, 0) + epochs)
        print(f"{name}  rnnbench {duration(cost)}  other {duration(other)}")
        plain, total = plain + other, total + cost
    what, seconds = "`make reproduce JOBS=2`", float(os.environ.get("REPRODUCE") or 0)
    if not seconds:
        what, seconds = "all trainings, half the sum of their seconds", total / 2
    other_name = "the same rows in sequence in plain Keras, extrapolated from three epochs of each"
    cells = duration(seconds), duration(plain), f"{plain / seconds:.3g} x as fast"
    return table([(what, other_name, *cells)])


def same_bytes() -> str:
    """A row per network: what the settings of `rnnbench.core.environment` cost; and their sum."""
    workspace = Workspace(ROOT)
    params = load_params(workspace.params)
    rows, sums = [], np.zeros(2)
    for name, settings in params.variants.items():
        if settings.model != "keras":
            continue
        contenders = {"pinned": ("training", "epoch", name), "fast": ("training", "unpinned", name)}
        found = times(contenders)
        first = np.array([found[kind].untimed - found[kind].median for kind in contenders])
        count = params.replicates_of(name) * settings.epochs / _share(load(name)[1])
        sums += np.maximum(first, 0) + count * np.array([found[k].median for k in contenders])
        what = f"epoch of {name}"
        rows.append(time_row(what, "without the settings", *found.values(), unit="as long"))
    what = "all epochs of these networks, with compilation"
    cells = duration(sums[0]), duration(sums[1]), f"{sums[0] / sums[1]:.3g} x as long"
    return table([*rows, (what, "without the settings", *cells)])


def load(name: str) -> tuple[Any, Data]:
    """Settings of a variant, and the first split of its dataset."""
    workspace = Workspace(ROOT)
    settings = load_params(workspace.params).variant(name)
    return settings, Dataset(workspace.prepared(settings.dataset)).split(0)


def epoch(name: str) -> Callable[[], float]:
    """An epoch of the pipeline; returns its mean loss."""
    from rnnbench.models.keras import network
    from rnnbench.models.keras.training import Trainer

    settings, data = load(name)
    train = _part(data.train, _share(data))
    built = network.build(settings.layers, data.meta, seed=1)
    trainer = Trainer(built, network.optimizer(settings.optimizer), settings.batch_size, data.meta)
    # The same order every time, so that no round compiles another width of whole texts.
    return lambda: trainer.epoch(train.x, train.y, np.random.default_rng(0))[0]


def unpinned(name: str) -> Callable[[], float]:
    """`epoch` with the kernels that TensorFlow and XLA choose for this CPU."""
    _undo_settings()
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    return epoch(name)


def _undo_settings() -> None:
    os.environ.clear()
    os.environ.update(ENVIRONMENT)


def fit(name: str, *options: str) -> Callable[[], Any]:
    """An epoch of `fit` with all cores; returns its mean loss.

    options: "xla" to compile by XLA, which Keras leaves out on CPUs; "epochs" for three epochs with
    validation, to return the seconds of each.
    """
    _undo_settings()
    import keras

    settings, data = load(name)
    meta, share, size = data.meta, _share(data), settings.batch_size
    x, y = _inputs(_part(data.train, share), meta, size)
    validation = None
    if "epochs" in options:
        texts, labels = _inputs(_part(data.unseen, share), meta, size)
        validation = texts if labels is None else (texts, labels)
    # A trained model is a file of Keras's own layers; the clone has new weights.
    trained = keras.saving.load_model(Workspace(ROOT).model(name, 0, ".keras"), compile=False)
    model = keras.models.clone_model(trained)
    losses = {"binary": "binary_crossentropy", "number": "mse"}
    optimizer, arguments = name_and_arguments(settings.optimizer)
    model.compile(
        getattr(keras.optimizers, optimizer)(**arguments),
        losses.get(meta.target, "sparse_categorical_crossentropy"),
        metrics=["accuracy"],
        jit_compile="xla" in options or "auto",
    )
    # Keras refuses a batch size for batches.
    train_epochs = partial(model.fit, x, y, batch_size=None if y is None else size, verbose=0)
    if "epochs" not in options:
        return lambda: train_epochs().history["loss"][0]
    starts: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: starts.append(perf_counter()))

    def epochs() -> list[float]:
        # In one call: a call takes longer than the shortest epochs.
        train_epochs(validation_data=validation, epochs=3, callbacks=[clock])
        return np.diff([*starts, perf_counter()]).tolist()

    return epochs


def _share(data: Data) -> float:
    """The share of the samples that stands for all."""
    whole_texts = data.meta.encoding == "index" and data.meta.shape == (None,)
    return WHOLE_TEXTS / len(data.train) if whole_texts else 1.0


def _part(samples: Samples, share: float) -> Samples:
    if share == 1:
        return samples
    count = round(share * len(samples))
    offsets = samples.x.offsets[: count + 1]
    x = Ragged(samples.x.values[: offsets[-1]], offsets)
    return Samples(x, samples.y[:count], samples.id[:count])


def _inputs(samples: Samples, meta: Meta, size: int) -> tuple[Any, np.ndarray | None]:
    """The arguments x and y of `fit`; for whole texts batches, each padded to its longest text."""
    import tensorflow as tf

    x, y = samples.x, samples.y
    if not isinstance(x, Ragged):
        return x.astype("float32" if meta.encoding == "number" else "int32"), y
    if meta.encoding == "multi_hot":
        dense = np.zeros((len(x), meta.vocabulary_size), np.float32)
        dense[np.repeat(np.arange(len(x)), x.lengths), x.values] = 1
        return dense, y
    signature = (tf.TensorSpec((None,), tf.int32), tf.TensorSpec((), tf.int32))
    rows = tf.data.Dataset.from_generator(
        lambda: ((x[row].astype(np.int32), label) for row, label in enumerate(y)),
        output_signature=signature,
    )
    return rows.cache().shuffle(len(y)).padded_batch(size).prefetch(2), None


def _version(package: str) -> str:
    """The version that the interpreter of the peers has; empty if none."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    result = subprocess.run([PEERS, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout.strip()
