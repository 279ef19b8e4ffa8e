"""An epoch of the NumPy network, and of the tutorial's algorithm on one-hot vectors.

The tutorial goes step by step over vectors of float32, with states that begin as float64, and
copies all vectors each epoch to shuffle them. Only the transpose in the backward pass differs
from it (see the README), so that the losses can be the same. To compare them to 1e-6 both also
run in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import click
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.data import prepared, project
from benchmarks.side_by_side import Row, compared, times
from rnnbench.models.numpy_rnn.model import Model
from rnnbench.models.numpy_rnn.network import Weights

DATASET, VARIANT, SEED = "imdb_one_hot_100", "imdb_numpy_rnn", 42


def ours(dtype: str) -> Callable[[], float]:
    """An epoch of the pipeline; returns its loss."""
    settings = project()[1].variant(VARIANT)
    meta, train, evaluation = prepared(DATASET)
    model = Model(Weights.draw(meta.vocabulary_size, settings.units, SEED, np.dtype(dtype)), meta)
    done = 0

    def epoch() -> float:
        nonlocal done
        losses: list[float] = []
        done += 1
        changed = settings.model_copy(update={"epochs": done})
        on_epoch = lambda met: losses.append(met.loss)  # noqa: E731
        model.fit(changed, SEED, train, evaluation.x, on_epoch, done=done - 1)
        return losses[0]

    return epoch


def tutorial(dtype: str) -> Callable[[], float]:
    """An epoch of the tutorial; returns its loss."""
    settings = project()[1].variant(VARIANT)
    meta, train, evaluation = prepared(DATASET)
    one_hot = np.eye(meta.vocabulary_size, dtype=dtype)
    x, x_evaluation, y = one_hot[train.x], one_hot[evaluation.x], train.y[:, None]
    drawn = Weights.draw(meta.vocabulary_size, settings.units, SEED, np.dtype(dtype))
    network = _Tutorial(drawn, settings.window, settings.learning_rate)
    done = 0

    def epoch() -> float:
        nonlocal done
        done += 1
        order = np.random.default_rng([SEED, done]).permutation(len(x))
        vectors, labels, total = x[order], y[order], 0.0
        for first in range(0, len(x), settings.batch_size):
            part = slice(first, first + settings.batch_size)
            total += network.learn(vectors[part], labels[part])
        network.forward(x_evaluation)
        return total / len(x)

    # As many threads as ours; two are slower with matrices of this size.
    threadpool_limits(1)
    return epoch


class _Tutorial:
    def __init__(self, weights: Weights, window: int, rate: float) -> None:
        self.window, self.rate = window, rate
        self.input, self.recurrent = weights.input.copy(), weights.recurrent.copy()
        self.output = weights.output[:, None].copy()
        self.bias, self.output_bias = np.zeros(len(weights.bias)), np.zeros(1)

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.states = [np.zeros((len(x), len(self.recurrent)))]
        for step in np.swapaxes(x, 0, 1):
            before = np.dot(step, self.input) + np.dot(self.states[-1], self.recurrent) + self.bias
            self.states.append(np.tanh(before))
            result = np.dot(self.states[-1], self.output) + self.output_bias
        return 1 / (1 + np.exp(-result))

    def learn(self, x: np.ndarray, y: np.ndarray) -> float:
        """One step of gradient descent; the sum of the losses."""
        chance = self.forward(x)
        error, last = chance - y, self.states[-1]
        slope = np.dot(error, self.output.T) * (1 - last**2)
        of_recurrent = of_input = of_bias = 0
        steps = list(zip(np.swapaxes(x, 0, 1), self.states[:-1], strict=True))
        for step, state in steps[: -self.window - 1 : -1]:
            of_recurrent = of_recurrent + np.dot(state.T, slope)
            of_input = of_input + np.dot(step.T, slope)
            of_bias = of_bias + np.sum(slope, axis=0)
            slope = np.dot(slope, self.recurrent.T) * (1 - state**2)
        rate = self.rate / len(x)
        self.output -= rate * np.dot(last.T, error)
        self.output_bias -= rate * np.sum(error)
        self.recurrent -= rate * of_recurrent
        self.input -= rate * of_input
        self.bias -= rate * of_bias
        safe = np.clip(chance, 1e-10, 1 - 1e-10)
        return float(np.sum(-(y * np.log(safe) + (1 - y) * np.log(1 - safe))))


CONTENDERS = {
    f"{who.__name__}_{dtype}": partial(who, dtype)
    for who in (ours, tutorial)
    for dtype in ("float32", "float64")
}


def run() -> list[Row]:
    """A row for each precision; raises click.ClickException if the losses differ."""
    rows = []
    for dtype, states in (("float32", "as it is written"), ("float64", "all in float64")):
        found = times("from_scratch", [f"ours_{dtype}", f"tutorial_{dtype}"])
        mine, theirs = found[f"ours_{dtype}"], found[f"tutorial_{dtype}"]
        apart = abs(mine.value - theirs.value)
        if dtype == "float64" and apart > 1e-6:
            raise click.ClickException(f"the losses differ by {apart:.2g}")
        what = f"epoch of the NumPy network, {dtype} (losses {apart:.0e} apart)"
        against = f"the tutorial's algorithm on one-hot vectors, {states}"
        rows.append(compared(what, against, mine, theirs, ">= 5"))
    return rows
