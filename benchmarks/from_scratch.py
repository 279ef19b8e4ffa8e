"""An epoch of the NumPy network, and of the tutorial's algorithm on one-hot vectors.

The tutorial iterates over vectors of float32, with states that start as float64, and copies all
vectors each epoch to shuffle them. Only the transpose in the backward pass differs from it (the
tutorial lacks it), so that the losses can agree.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.results import table, time_row
from benchmarks.timing import times
from benchmarks.training import load
from rnnbench.models.numpy_rnn.model import Model
from rnnbench.models.numpy_rnn.network import Weights

VARIANT, SEED = "imdb_numpy_rnn", 42


def run() -> str:
    """One row; ends the program if the losses differ."""
    found = times({n: ("from_scratch", n) for n in ("rnnbench", "tutorial")})
    difference = abs(found["rnnbench"].value - found["tutorial"].value)
    if difference > 1e-6:
        raise SystemExit(f"the losses differ by {difference:.2g}")
    what = f"epoch of the NumPy network (difference of the losses: {difference:.0e})"
    other = "the tutorial's algorithm on one-hot vectors"
    return table([time_row(what, other, found["rnnbench"], found["tutorial"])])


def rnnbench() -> Callable[[], float]:
    """An epoch of the pipeline; returns its mean loss."""
    settings, data = load(VARIANT)
    model = Model.build(settings, data.meta, SEED)
    losses: list[float] = []

    def epoch() -> float:
        done = len(losses)
        until = settings.model_copy(update={"epochs": done + 1})
        model.fit(
            until, SEED, data.train, data.unseen.x, lambda e: losses.append(e.loss), done=done
        )
        return losses[-1]

    return epoch


def tutorial() -> Callable[[], float]:
    """An epoch of the tutorial; returns its mean loss."""
    settings, data = load(VARIANT)
    size = data.meta.vocabulary_size
    one_hot = np.eye(size, dtype=np.float32)
    x, x_unseen, y = one_hot[data.train.x], one_hot[data.unseen.x], data.train.y[:, None]
    network = _Tutorial(Weights.draw(size, settings.units, SEED), settings)
    done = 0

    def epoch() -> float:
        nonlocal done
        done += 1
        order = np.random.default_rng([SEED, done]).permutation(len(x))
        vectors, labels, total = x[order], y[order], 0.0
        for begin in range(0, len(x), settings.batch_size):
            part = slice(begin, begin + settings.batch_size)
            total += network.learn(vectors[part], labels[part])
        network.forward(x_unseen)
        return total / len(x)

    return epoch


class _Tutorial:
    def __init__(self, weights: Weights, settings: object) -> None:
        self.settings = settings
        self.input, self.recurrent = weights.input, weights.recurrent
        self.output = weights.output[:, None]
        self.bias, self.output_bias = np.zeros(len(weights.bias)), np.zeros(1)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of shape (n, 1) for vectors of shape (n, steps, vocabulary size)."""
        self.states = [np.zeros((len(x), len(self.recurrent)))]
        for step in np.swapaxes(x, 0, 1):
            z = np.dot(step, self.input) + np.dot(self.states[-1], self.recurrent) + self.bias
            self.states.append(np.tanh(z))
            result = np.dot(self.states[-1], self.output) + self.output_bias
        return 1 / (1 + np.exp(-result))

    def learn(self, x: np.ndarray, y: np.ndarray) -> float:
        """One step of gradient descent; returns the sum of the losses."""
        probability = self.forward(x)
        error, last = probability - y, self.states[-1]
        slope = np.dot(error, self.output.T) * (1 - last**2)
        of_recurrent = of_input = of_bias = 0
        steps = list(zip(np.swapaxes(x, 0, 1), self.states[:-1], strict=True))
        for step, state in steps[: -self.settings.window - 1 : -1]:
            of_recurrent = of_recurrent + np.dot(state.T, slope)
            of_input = of_input + np.dot(step.T, slope)
            of_bias = of_bias + np.sum(slope, axis=0)
            slope = np.dot(slope, self.recurrent.T) * (1 - state**2)
        rate = self.settings.learning_rate / len(x)
        self.output -= rate * np.dot(last.T, error)
        self.output_bias -= rate * np.sum(error)
        self.recurrent -= rate * of_recurrent
        self.input -= rate * of_input
        self.bias -= rate * of_bias
        safe = np.clip(probability, 1e-10, 1 - 1e-10)
        return float(np.sum(-(y * np.log(safe) + (1 - y) * np.log(1 - safe))))
