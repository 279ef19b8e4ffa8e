"""The n-gram model from texts to predictions, and scikit-learn as its documentation shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.data import peak_mib, prepared, project
from benchmarks.side_by_side import Row, compared, times
from rnnbench import corpora

DATASET, VARIANT = "imdb_words", "imdb_ngrams_linear"


def _reviews() -> tuple[Any, Any, tuple[list[str], ...]]:
    workspace, _ = project()
    _, train, evaluation = prepared(DATASET)
    corpus = corpora.load("imdb").read(workspace.raw("imdb"))
    texts = [text.decode() for text in corpus.documents.texts]
    parts = tuple([texts[i] for i in corpus.order[part.id]] for part in (train, evaluation))
    return train, evaluation, parts


def ours() -> Callable[[], list[float]]:
    """Returns the accuracy, and the peak memory of the process in MiB."""
    from rnnbench.data.format import Samples
    from rnnbench.models.linear.model import Model
    from rnnbench.preprocessing.encoders import WordEncoder, arrange
    from rnnbench.preprocessing.keras_words import rank_index, ranks, word_index

    _, params = project()
    settings, variant = params.dataset(DATASET), params.variant(VARIANT)
    meta, _, _ = prepared(DATASET)
    train, evaluation, (texts, others) = _reviews()

    def run() -> list[float]:
        learned = [text.encode() for text in texts]
        words = word_index(learned)
        index = rank_index(words)
        encoder = WordEncoder(settings, "utf-8", {}, tuple(word.decode() for word in words))
        x, x_others = (
            arrange(encoder.ids(ranks(part, index)), settings, encoder.vocabulary_size)
            for part in (learned, [text.encode() for text in others])
        )
        model = Model.build(variant, meta.model_copy(update={"depth": encoder.vocabulary_size}), 0)
        model.fit(variant, 0, Samples(x, train.y, train.id), x_others, lambda _: None)
        chance = model.predict(x_others)
        return [float(((chance > 0.5) == (evaluation.y == 1)).mean()), peak_mib()]

    return run


def sklearn() -> Callable[[], list[float]]:
    """N-grams of its own words up to the same length, and a logistic regression, in a pipeline."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    variant = project()[1].variant(VARIANT)
    train, evaluation, (texts, others) = _reviews()

    def run() -> list[float]:
        vectorizer = CountVectorizer(
            ngram_range=(1, variant.ngrams), min_df=variant.min_count, binary=True
        )
        model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
        model.fit(texts, train.y)
        return [float(np.mean(model.predict(others) == evaluation.y)), peak_mib()]

    return run


CONTENDERS = {"ours": ours, "sklearn": sklearn}


def run() -> list[Row]:
    """A row for the time, one for the memory."""
    found = times("ngrams", ["ours", "sklearn"])
    mine, theirs = found["ours"], found["sklearn"]
    against = "`CountVectorizer` of n-grams up to the same length, `LogisticRegression`"
    what = (
        "n-grams, from texts to predictions "
        f"(accuracy {mine.value[0]:.4f}, theirs {theirs.value[0]:.4f})"
    )
    time = compared(what, against, mine, theirs, ">= 1")
    memory = Row(
        "peak memory of the whole process",
        against,
        f"{mine.value[1]:.0f} MiB",
        f"{theirs.value[1]:.0f} MiB",
        [theirs.value[1] / mine.value[1]],
        "<= 2 GiB",
        "smaller",
    )
    return [time, memory]
