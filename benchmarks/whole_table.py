"""The whole table, and the same rows trained one after another in plain Keras.

All of that in plain Keras would take most of a day. So each of its rows runs two epochs on the
variant's own data, in a process of its own, and the second one is taken for all but the first.
Validation after each epoch is part of them, as in the tutorials. Rows that are no networks of
Keras are counted with what they cost here, and the NumPy network with the tutorial's algorithm.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click
import numpy as np

from benchmarks.data import padded_batches, plain_network, prepared, project
from benchmarks.side_by_side import Row, Worker, duration
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged, chosen
from rnnbench.training.outputs import read_cost

# Whole texts are many, and their epochs take minutes: a part of them stands for all.
_WHOLE_TEXTS = 512


def run(seconds: float | None = None) -> list[Row]:
    """One row; `seconds` is what `make reproduce` took, else half the sum of all trainings."""
    workspace, params = project()
    plain = mine = 0.0
    for name, settings in params.variants.items():
        cost = read_cost(workspace, name).seconds
        theirs = cost
        if settings.model in ("keras", "numpy_rnn"):
            tutorial = ("from_scratch", "tutorial_float32")
            module, contender = ("whole_table", name) if settings.model == "keras" else tutorial
            with Worker(module, contender) as worker:
                first, second = (worker.round() for _ in range(2))
            share = first["value"] if settings.model == "keras" else 1
            epoch = second["seconds"] / share
            compilation = max(first["seconds"] - second["seconds"], 0)
            theirs = params.replicates_of(name) * (compilation + settings.epochs * epoch)
        click.echo(f"whole table  {name}  {duration(cost)}, plain {duration(theirs)}")
        plain, mine = plain + theirs, mine + cost
    what = "`make reproduce JOBS=2`, the whole table"
    if seconds is None:
        seconds, what = mine / 2, "all trainings of the table, half of their sum"
    against = "the same rows one after another in plain Keras, from two epochs of each"
    return [Row(what, against, duration(seconds), duration(plain), [plain / seconds], ">= 4")]


def _keras(name: str) -> Callable[[], float]:
    """An epoch of `fit`; returns the share of the samples that it is of."""
    settings = project()[1].variant(name)
    meta, train, evaluation = prepared(settings.dataset)
    share = 1.0
    if isinstance(train.x, Ragged) and meta.encoding == "index":
        share = _WHOLE_TEXTS / len(train)
        train, evaluation = _first(train, share), _first(evaluation, share)
        data = {"x": padded_batches(train.x, train.y, settings.batch_size)}
        judged = padded_batches(evaluation.x, evaluation.y, settings.batch_size)
    else:
        x, y = _arrays(meta, train)
        data = {"x": x, "y": y, "batch_size": settings.batch_size}
        judged = _arrays(meta, evaluation)
    model = plain_network(settings, meta)

    def epoch() -> float:
        model.fit(**data, epochs=1, validation_data=judged, verbose=0)
        return share

    return epoch


CONTENDERS = {name: partial(_keras, name) for name in project()[1].variants}


def _arrays(meta: Meta, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    x = samples.x
    if isinstance(x, Ragged):
        dense = np.zeros((len(samples), meta.vocabulary_size), np.float32)
        for row in range(len(samples)):
            dense[row, x[row]] = 1
        return dense, samples.y
    return x.astype("float32" if meta.encoding == "number" else "int32"), samples.y


def _first(samples: Samples, share: float) -> Samples:
    count = round(len(samples) * share)
    return Samples(chosen(samples.x, np.arange(count)), samples.y[:count], samples.id[:count])
