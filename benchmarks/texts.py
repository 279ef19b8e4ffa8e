"""An epoch of the subword bidirectional LSTM(64) over whole reviews."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.data import padded_batches, plain_network, prepared, project
from benchmarks.side_by_side import Row, compared, times
from rnnbench.data.ragged import Ragged, chosen

DATASET, VARIANT, REVIEWS = "imdb_subwords_8192", "imdb_subword_bidirectional_lstm", 1024


def _reviews() -> tuple[object, Ragged, np.ndarray]:
    meta, train, _ = prepared(DATASET)
    return meta, chosen(train.x, np.arange(REVIEWS)), train.y[:REVIEWS]


def ours() -> Callable[[], None]:
    """An epoch of the pipeline: batches of similar length."""
    from rnnbench.models.keras import network
    from rnnbench.models.keras.training import Trainer

    settings = project()[1].variant(VARIANT)
    meta, x, y = _reviews()
    built = network.build(settings.layers, meta, seed=1)
    optimizer = network.optimizer(settings.optimizer)
    trainer = Trainer(built, optimizer, settings.batch_size, meta)
    # The same order every time, so that no round compiles another width.
    return lambda: trainer.epoch(x, y, np.random.default_rng(0)) and None


def keras() -> Callable[[], None]:
    """An epoch of `fit` over batches in random order, each padded to its longest review."""
    settings = project()[1].variant(VARIANT)
    meta, x, y = _reviews()
    model = plain_network(settings, meta)
    data = padded_batches(x, y, settings.batch_size)
    return lambda: model.fit(data, epochs=1, verbose=0) and None


CONTENDERS = {"ours": ours, "keras": keras}


def run() -> list[Row]:
    """One row."""
    found = times("texts", ["ours", "keras"])
    what = f"epoch of {REVIEWS:,} whole reviews, bidirectional LSTM(64) on subwords"
    against = "`fit` of batches padded to their longest review"
    return [compared(what, against, found["ours"], found["keras"], ">= 2")]
