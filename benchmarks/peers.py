"""The network of `benchmarks.training` in PyTorch and JAX, as their users would write it.

Needs NumPy and PyTorch or JAX only, so that they can be installed in another environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# The other contenders train on eight more reviews, a batch that is not full.
BATCH, BATCHES, UNITS, WIDTH, VOCABULARY_SIZE = 32, 556, 8, 32, 1000
DATA = Path(__file__).parents[1] / "data" / "prepared" / "imdb_index_1000"


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Ids of shape (samples, 100), and labels 0 and 1 of shape (samples,), of the first split."""
    # The flag of a training sample.
    train = np.flatnonzero(np.load(DATA / "splits.npy")[0] & 1)[: BATCH * BATCHES]
    return np.load(DATA / "x.npy")[train], np.load(DATA / "y.npy")[train]


def torch(cell: str) -> Callable[[], float]:
    """An epoch in PyTorch, one thread; returns its mean loss."""
    import torch

    torch.set_num_threads(1)
    x, y = samples()

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            kind = getattr(torch.nn, "RNN" if cell == "SimpleRNN" else cell)
            self.embedding = torch.nn.Embedding(VOCABULARY_SIZE, WIDTH)
            self.recurrent = kind(WIDTH, UNITS, batch_first=True)
            self.output = torch.nn.Linear(UNITS, 1)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            states, _ = self.recurrent(self.embedding(ids))
            return self.output(states[:, -1])[:, 0]

    model = Network()
    optimizer, loss = torch.optim.Adam(model.parameters()), torch.nn.BCEWithLogitsLoss()
    ids, labels = torch.tensor(x.astype(np.int64)), torch.tensor(y.astype(np.float32))

    def epoch() -> float:
        total = torch.zeros(())
        for rows in torch.randperm(len(ids)).split(BATCH):
            optimizer.zero_grad()
            batch = loss(model(ids[rows]), labels[rows])
            batch.backward()
            optimizer.step()
            total += batch.detach()
        return float(total) / BATCHES

    return epoch


def jax(cell: str) -> Callable[[], float]:
    """An epoch in JAX as one program, one thread; returns its mean loss."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import jax.numpy as jnp
    from jax import lax, nn

    x, y = samples()
    ids, labels = jnp.asarray(x, jnp.int32), jnp.asarray(y, jnp.float32)

    def step(state: Any, projected: Any, weights: Any) -> Any:
        """The state (h, c) after a step; projected: input @ kernel + bias."""
        h, c = state
        recurrent = h @ weights["recurrent"] + weights["recurrent_bias"]
        if cell == "SimpleRNN":
            return jnp.tanh(projected + recurrent), c
        if cell == "LSTM":
            i, f, g, o = jnp.split(projected + recurrent, 4, axis=1)
            c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
            return nn.sigmoid(o) * jnp.tanh(c), c
        (z, r, g), (rz, rr, rg) = jnp.split(projected, 3, 1), jnp.split(recurrent, 3, 1)
        z, g = nn.sigmoid(z + rz), jnp.tanh(g + nn.sigmoid(r + rr) * rg)
        return z * h + (1 - z) * g, c

    def loss(weights: Any, ids: Any, labels: Any) -> Any:
        """Mean log loss of a batch."""
        steps = weights["embedding"][ids.T] @ weights["kernel"] + weights["bias"]
        start = jnp.zeros((2, len(ids), UNITS))
        (h, _), _ = lax.scan(lambda s, x: (step(s, x, weights), None), (start[0], start[1]), steps)
        logits = h @ weights["output"] + weights["output_bias"]
        return jnp.mean(jnp.logaddexp(0, logits) - labels * logits)

    def adam(state: Any, rows: Any, ids: Any, labels: Any) -> Any:
        """One update (Kingma & Ba 2015, algorithm 1) by the gradients of a batch."""
        weights, m, v, t = state
        value, gradients = jax.value_and_grad(loss)(weights, ids[rows], labels[rows])
        t, tree = t + 1, jax.tree.map
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g**2, v, gradients)
        rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        weights = tree(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, m, v)
        return (weights, m, v, t), value

    @jax.jit
    def train(state: Any, order: Any, ids: Any, labels: Any) -> Any:
        return lax.scan(lambda s, rows: adam(s, rows, ids, labels), state, order)

    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[cell] * UNITS
    shapes = {
        "embedding": (VOCABULARY_SIZE, WIDTH),
        "kernel": (WIDTH, gates),
        "recurrent": (UNITS, gates),
        "bias": (gates,),
        "recurrent_bias": (gates,),
        "output": (UNITS,),
        "output_bias": (),
    }
    rng = np.random.default_rng(0)
    weights = {
        name: jnp.asarray(rng.uniform(-0.1, 0.1, s), jnp.float32) for name, s in shapes.items()
    }
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = weights, zeros, zeros, 0

    def epoch() -> float:
        nonlocal state
        order = rng.permutation(len(ids)).reshape(BATCHES, BATCH)
        state, losses = train(state, order, ids, labels)
        return float(losses.mean())

    return epoch
