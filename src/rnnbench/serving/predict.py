"""Predictions of a logged model for new texts, and the effect of each of their words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.data.config import TextDataset
from rnnbench.params import Params
from rnnbench.tracking.registry import load_model

_BATCH_SIZE = 64


class Prediction(NamedTuple):
    """A text, its most probable label, and that label's probability."""

    text: str
    label: str
    probability: float


class PredictedNumber(NamedTuple):
    """A text, and the number that is predicted for it."""

    text: str
    prediction: float


class Word(NamedTuple):
    """A word of a text, and by how much it raises the number or the label's probability."""

    text: str
    effect: float


@dataclass(frozen=True)
class Predictor:
    """A model of texts.

    variant: its variant.
    of_texts: the probability of each of `classes` for each text, shape (texts, classes), or the
        predicted number, shape (texts, 1).
    classes: none if numbers are predicted.
    """

    variant: str
    of_texts: Callable[[list[str]], NDArray[np.float64]]
    classes: Sequence[str]

    def predict(self, texts: Sequence[str]) -> Iterator[Prediction | PredictedNumber]:
        """The prediction for each text, in order."""
        for text, values in zip(texts, self._in_batches(texts), strict=True):
            if self.classes:
                label = int(values.argmax())
                yield Prediction(text, self.classes[label], float(values[label]))
            else:
                yield PredictedNumber(text, float(values[0]))

    def explain(self, text: str) -> list[Word]:
        """The effect of each whitespace-separated word.

        Leave-one-out: how much the probability of the predicted label, or the predicted number,
        falls without the word.
        """
        words = text.split()
        without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        whole, *others = self._in_batches([text, *without])
        label = whole.argmax()
        return [Word(w, float((whole - p)[label])) for w, p in zip(words, others, strict=True)]

    def _in_batches(self, texts: Sequence[str]) -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(texts), _BATCH_SIZE):
            yield from self.of_texts(list(texts[start : start + _BATCH_SIZE]))


def load_predictor(
    workspace: Workspace, params: Params, task: str | None, variant: str | None
) -> Predictor:
    """The current model of a variant, by default the champion of a task.

    task: a corpus of texts, by default the first in params.yaml. Raises UnknownNameError, and
    DataError if the variant does not read text or the store fails or lacks the model.
    """
    datasets = params.datasets.values()
    tasks = list(dict.fromkeys(d.corpus for d in datasets if isinstance(d, TextDataset)))
    if variant is not None and params.corpus_of(variant) not in tasks:
        raise DataError(f"{variant} does not read text; the variants of {', '.join(tasks)} do")
    if not tasks:
        raise DataError("params.yaml has no dataset of texts")
    task = task or tasks[0]
    if task not in tasks:
        raise UnknownNameError("corpus of texts", task, tasks)
    variant, loaded = load_model(workspace, params, task, variant)
    model = loaded.unwrap_python_model()
    return Predictor(variant, model.of_texts, model.classes)
