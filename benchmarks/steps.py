"""One training step: batch 32, 100 steps, 8 units, Embedding 1000 x 32, on real reviews."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import click
import numpy as np

from benchmarks.data import prepared
from benchmarks.side_by_side import Row, compared, times

CELLS = ("SimpleRNN", "LSTM", "GRU")
BATCH, BATCHES, UNITS, WIDTH = 32, 625, 8, 32


def _samples() -> tuple[Any, np.ndarray, np.ndarray]:
    meta, train, _ = prepared("imdb_index_1000")
    return meta, train.x[: BATCH * BATCHES], train.y[: BATCH * BATCHES]


def _layers(cell: str) -> list[Any]:
    return [{"Embedding": {"output_dim": WIDTH}}, {cell: {"units": UNITS}}]


def ours(cell: str) -> Callable[[], None]:
    """An epoch of the pipeline."""
    from rnnbench.models.keras import network
    from rnnbench.models.keras.training import Trainer

    meta, x, y = _samples()
    built = network.build(_layers(cell), meta, seed=1)
    trainer = Trainer(built, network.optimizer("Adam"), BATCH, meta)
    rng = np.random.default_rng(0)
    return lambda: trainer.epoch(x, y, rng) and None


def keras(cell: str, jit_compile: str | bool = "auto") -> Callable[[], None]:
    """An epoch of `fit` as a tutorial writes it, with Keras's defaults and all cores."""
    import keras

    meta, x, y = _samples()
    model = keras.Sequential(
        [
            keras.layers.Embedding(meta.vocabulary_size, WIDTH),
            getattr(keras.layers, cell)(UNITS),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=jit_compile)
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0) and None


def xla(cell: str) -> Callable[[], None]:
    """The same compiled by XLA, which Keras does not do on a CPU unless it is told to."""
    return keras(cell, jit_compile=True)


def torch(cell: str) -> Callable[[], None]:
    """An epoch in PyTorch, one thread."""
    import torch

    torch.set_num_threads(1)
    meta, x, y = _samples()

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = getattr(torch.nn, "RNN" if cell == "SimpleRNN" else cell)
            self.embedding = torch.nn.Embedding(meta.vocabulary_size, WIDTH)
            self.recurrent = kind(WIDTH, UNITS, batch_first=True)
            self.output = torch.nn.Linear(UNITS, 1)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            states, _ = self.recurrent(self.embedding(ids))
            return self.output(states[:, -1])[:, 0]

    model = Network()
    optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.BCEWithLogitsLoss()
    ids, labels = torch.tensor(x.astype(np.int64)), torch.tensor(y.astype(np.float32))

    def epoch() -> None:
        for rows in torch.randperm(len(ids)).split(BATCH):
            optimizer.zero_grad()
            loss(model(ids[rows]), labels[rows]).backward()
            optimizer.step()

    return epoch


CONTENDERS = {
    f"{who.__name__}_{cell}": partial(who, cell)
    for who in (ours, keras, xla, torch)
    for cell in CELLS
}


def run() -> list[Row]:
    """Rows against Keras, and against PyTorch where it is installed."""
    peers = ["keras", "xla", *(["torch"] if find_spec("torch") else [])]
    if "torch" not in peers:
        click.echo("steps  PyTorch is not installed: its rows are left out")
    names = {
        "keras": "`fit`, Keras's defaults",
        "xla": "`fit` with `jit_compile=True`",
        "torch": "PyTorch, one thread",
    }
    wanted = {"keras": ">= 4", "xla": "-", "torch": "> 1"}
    rows = []
    for cell in CELLS:
        found = times("steps", [f"{who}_{cell}" for who in ("ours", *peers)])
        mine = found[f"ours_{cell}"].of_one(BATCHES)
        rows += [
            compared(
                f"training step, {cell}({UNITS})",
                names[peer],
                mine,
                found[f"{peer}_{cell}"].of_one(BATCHES),
                wanted[peer],
            )
            for peer in peers
        ]
    return rows
