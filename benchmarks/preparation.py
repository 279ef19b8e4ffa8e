"""From the word ids of all reviews to what the one-hot network takes: time and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.data import project
from benchmarks.side_by_side import Row, compared, times
from rnnbench import corpora
from rnnbench.preprocessing.keras_words import keras_ids, rank_index, ranks, word_index

# A round of less than a tenth of a second would tell more of the machine than of the work.
DATASET, REPEATED = "imdb_one_hot_100", 5


def _ranks() -> tuple[Any, list[np.ndarray]]:
    workspace, params = project()
    settings = params.dataset(DATASET)
    corpus = corpora.load(settings.corpus).read(workspace.raw(settings.corpus))
    index = rank_index(word_index(corpus.documents.texts))
    return settings, list(ranks(corpus.documents.texts, index))


def ours() -> Callable[[], Any]:
    """The steps of the stage `preprocess`."""
    from rnnbench.preprocessing.encoders import WordEncoder, arrange

    settings, documents = _ranks()
    encoder = WordEncoder(settings, "utf-8", {}, ())
    return lambda: arrange(encoder.ids(documents), settings, encoder.vocabulary_size)


def tutorial() -> Callable[[], Any]:
    """From the lists that ``load_data`` gives, with Keras's functions."""
    from keras.utils import pad_sequences, to_categorical

    settings, documents = _ranks()
    size = settings.vocabulary_size
    lists = [keras_ids([d], size, settings.skip_top).values.tolist() for d in documents]

    def prepare() -> Any:
        words = [[i for i in ids if i > settings.drop_ids_up_to] for ids in lists]
        return to_categorical(pad_sequences(words, maxlen=settings.length), num_classes=size)

    return prepare


def _measured(prepare: Callable[[], Callable[[], Any]], memory: bool) -> Callable[[], int]:
    run = prepare()

    def once() -> int:
        if not memory:
            for _ in range(REPEATED):
                run()
            return 0
        # Watching every allocation takes time, so that these rounds tell nothing else.
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    return once


CONTENDERS = {
    f"{who.__name__}{suffix}": partial(_measured, who, memory)
    for who in (ours, tutorial)
    for suffix, memory in (("", False), ("_memory", True))
}


def run() -> list[Row]:
    """A row for the time, one for the memory."""
    found = times("preparation", ["ours", "tutorial"])
    against = "ids as lists, `pad_sequences`, `to_categorical`"
    what = "word ids of all reviews to the network's input"
    peaks = times("preparation", ["ours_memory", "tutorial_memory"], rounds=1)
    mine, theirs = peaks["ours_memory"].value, peaks["tutorial_memory"].value
    memory = Row(
        "peak memory of it",
        against,
        f"{mine / 2**20:.0f} MiB",
        f"{theirs / 2**20:.0f} MiB",
        [theirs / mine],
        ">= 20",
        "smaller",
    )
    one = [found[name].of_one(REPEATED) for name in ("ours", "tutorial")]
    return [compared(what, against, *one, ">= 10"), memory]
