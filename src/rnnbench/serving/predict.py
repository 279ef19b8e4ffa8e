"""Answers of a logged model to new texts, and which of their words moved them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.data.config import TextDataset
from rnnbench.params import Params
from rnnbench.tracking.sync import load_logged

# So many texts are encoded and answered at once.
_BATCH = 64


@dataclass(frozen=True)
class Answer:
    """A text, its likeliest label, and that label's probability."""

    text: str
    label: str
    probability: float


@dataclass(frozen=True)
class Word:
    """A word of a text, and by how much it raises the probability of the answer."""

    text: str
    effect: float


@dataclass(frozen=True)
class Predictor:
    """A model that takes text.

    variant: whose model it is.
    probabilities: the probability of each of `classes` for each text, shape (texts, classes).
    """

    variant: str
    probabilities: Callable[[list[str]], NDArray[np.float64]]
    classes: Sequence[str]

    def answers(self, texts: Sequence[str]) -> Iterator[Answer]:
        """The answer to each text, in their order."""
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            for text, probabilities in zip(batch, self.probabilities(batch), strict=True):
                chosen = int(probabilities.argmax())
                yield Answer(text, self.classes[chosen], float(probabilities[chosen]))

    def words(self, text: str) -> list[Word]:
        """Each word, and by how much the probability of the answer falls without it.

        Words are what blanks divide. Leave-one-out: the text is answered once without each.
        """
        words = text.split()
        without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
        texts = [text, *without]
        parts = [self.probabilities(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
        probabilities = np.concatenate(parts)
        chosen = int(probabilities[0].argmax())
        effects = probabilities[0, chosen] - probabilities[1:, chosen]
        return [Word(word, float(effect)) for word, effect in zip(words, effects, strict=True)]


def load_predictor(
    workspace: Workspace, params: Params, task: str | None, variant: str | None
) -> Predictor:
    """The champion of a task, or the current model of one variant.

    task: a corpus of texts; the first of params.yaml where it is None. Raises UnknownNameError,
    and DataError if the store cannot be reached or lacks the model.
    """
    tasks = list(dict.fromkeys(_text_corpora(params)))
    if variant is not None and params.dataset(params.variant(variant).dataset).corpus not in tasks:
        raise DataError(f"{variant} does not read text; those of {', '.join(tasks)} do")
    if task is not None and task not in tasks:
        raise UnknownNameError("task with texts", task, tasks)
    if not tasks:
        raise DataError("params.yaml has no dataset of texts")
    variant, loaded = load_logged(workspace, params, task or tasks[0], variant)
    model = loaded.unwrap_python_model()
    return Predictor(variant, model.probabilities, model.classes)


def _text_corpora(params: Params) -> Iterator[str]:
    for dataset in params.datasets.values():
        if isinstance(dataset, TextDataset):
            yield dataset.corpus
