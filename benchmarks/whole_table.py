"""The whole table, and the same rows trained one after another in plain Keras.

All of that in plain Keras would take most of a day. So each of its rows runs two epochs on the
variant's own data, the first with its compilation; the second one is taken for all others.
Validation after each epoch is part of them, as in the tutorials. Rows that are no networks of
Keras are counted with what they cost here.
"""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

from benchmarks import from_scratch
from benchmarks.data import padded_batches, prepared, project
from benchmarks.side_by_side import Row, duration
from rnnbench.facts import read_cost
from rnnbench.prepared import Meta, Ragged, Samples
from rnnbench.sequences import chosen

# Whole texts are many, and their epochs take minutes: a part of them stands for all.
_WHOLE_TEXTS = 1024


def run(seconds: float | None = None) -> list[Row]:
    """One row; `seconds` is what `make reproduce` took, else it is taken from data/cost."""
    workspace, params = project()
    plain = mine = 0.0
    for name, settings in params.variants.items():
        cost = read_cost(workspace, name).seconds
        replicates = params.replicates_of(name)
        if settings.model == "keras":
            theirs = replicates * _keras_seconds(settings)
        elif settings.model == "numpy_rnn":
            theirs = replicates * settings.epochs * _tutorial_seconds()
        else:
            theirs = cost
        click.echo(f"whole table  {name}  {duration(cost)}, plain {duration(theirs)}")
        plain, mine = plain + theirs, mine + cost
    what = "`make reproduce JOBS=2`, the whole table"
    if seconds is None:
        seconds, what = mine / 2, "all trainings of the table, two side by side"
    against = "the same rows one after another in plain Keras, from two epochs of each"
    return [Row(what, against, duration(seconds), duration(plain), [plain / seconds], ">= 4")]


def _tutorial_seconds() -> float:
    epoch = from_scratch.tutorial("float32")
    epoch()
    begin = time.perf_counter()
    epoch()
    return time.perf_counter() - begin


def _keras_seconds(settings: Any) -> float:
    """All epochs of one training by `fit`, with Keras's defaults."""
    from rnnbench.models.keras import network

    meta, train, evaluation = prepared(settings.dataset)
    share = 1.0
    if isinstance(train.x, Ragged) and meta.encoding == "index":
        share = _WHOLE_TEXTS / len(train)
        train, evaluation = _first(train, share), _first(evaluation, share)
    model = network.build(settings.layers, meta, 1, settings.output_layer)
    losses = {"binary": "binary_crossentropy", "number": "mse"}
    loss = losses.get(meta.target, "sparse_categorical_crossentropy")
    model.compile(network.optimizer(settings.optimizer), loss, metrics=["accuracy"])
    if isinstance(train.x, Ragged) and meta.encoding == "index":
        data = {"x": padded_batches(train.x, train.y, settings.batch_size)}
        judged = padded_batches(evaluation.x, evaluation.y, settings.batch_size)
    else:
        x, y = _arrays(meta, train)
        data = {"x": x, "y": y, "batch_size": settings.batch_size}
        judged = _arrays(meta, evaluation)
    taken = []
    for _ in range(2):
        begin = time.perf_counter()
        model.fit(**data, epochs=1, validation_data=judged, verbose=0)
        taken.append(time.perf_counter() - begin)
    compilation = max(taken[0] - taken[1], 0)
    return compilation + settings.epochs * taken[1] / share


def _arrays(meta: Meta, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    x = samples.x
    if isinstance(x, Ragged):
        dense = np.zeros((len(samples), meta.depth), np.float32)
        for row in range(len(samples)):
            dense[row, x[row]] = 1
        return dense, samples.y
    return x.astype("float32" if meta.encoding == "number" else "int32"), samples.y


def _first(samples: Samples, share: float) -> Samples:
    count = round(len(samples) * share)
    return Samples(chosen(samples.x, np.arange(count)), samples.y[:count], samples.id[:count])
