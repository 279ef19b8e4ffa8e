"""Reviews to samples next to Keras's functions, and to predictions next to scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.results import Row, memory_row, table, time_row
from benchmarks.timing import ROOT, peak_mib, times
from benchmarks.training import load
from rnnbench import corpora
from rnnbench.core.workspace import Workspace
from rnnbench.data.config import TextDataset
from rnnbench.data.format import Samples
from rnnbench.params import load_params
from rnnbench.preprocessing import encoders
from rnnbench.preprocessing.keras_words import INDEX_FROM, keras_ids, word_index
from rnnbench.training.replicate import Data

ONE_HOT, NGRAMS = "imdb_one_hot_100", "imdb_ngrams_linear"

# Returns the peak memory of the process in MiB, and the accuracy if there is one.
Round = Callable[[], tuple[float, float | None]]


def run() -> str:
    """Time and memory of preparation, and of the n-gram model."""
    what = "word ids of the training reviews to the input of the one-hot network"
    other = "ids as lists, `pad_sequences`, `to_categorical`"
    rows = _rows(what, other, "prepare", "prepare_with_keras")
    other = "`CountVectorizer` of n-grams up to the same length, `LogisticRegression`"
    what = "n-gram model, texts to predictions"
    return table([*rows, *_rows(what, other, "ngrams", "sklearn")])


def _rows(what: str, other: str, *functions: str) -> list[Row]:
    ours, theirs = times({name: ("text", name) for name in functions}).values()
    (our_peak, accuracy), (their_peak, their_accuracy) = ours.value, theirs.value
    result = f" (accuracy {accuracy:.4f} and {their_accuracy:.4f})" if accuracy else ""
    memory = memory_row("its process, peak memory", other, our_peak, their_peak)
    return [time_row(what + result, other, ours, theirs), memory]


def _dataset(name: str) -> TextDataset:
    return load_params(Workspace(ROOT).params).dataset(name)


def _ranks() -> list[np.ndarray]:
    """The ranks of the words of each training review."""
    words = load(NGRAMS)[1].train.x
    return [words[row].astype(np.int32) - INDEX_FROM for row in range(len(words))]


def prepare() -> Round:
    """Padded ids, as the stage makes them."""
    documents = _ranks()
    # Words are looked up beforehand, as in the lists of `load_data`.
    encoders.ranks = lambda *_: documents
    encoder = encoders.WordEncoder(_dataset(ONE_HOT), "utf-8", {}, ())

    def once() -> tuple[float, None]:
        encoder.samples(())
        return peak_mib(), None

    return once


def prepare_with_keras() -> Round:
    """One-hot vectors from the lists of ids that ``load_data`` returns."""
    from keras.utils import pad_sequences, to_categorical

    settings = _dataset(ONE_HOT)
    size = settings.vocabulary_size
    lists = [keras_ids(d, size, settings.skip_top).tolist() for d in _ranks()]

    def once() -> tuple[float, None]:
        words = [[i for i in ids if i > settings.drop_ids_up_to] for ids in lists]
        to_categorical(pad_sequences(words, maxlen=settings.length), num_classes=size)
        return peak_mib(), None

    return once


def _reviews(data: Data) -> tuple[list[str], ...]:
    """The texts of the training and of the evaluation part."""
    corpus = corpora.load("imdb").read(Workspace(ROOT).raw("imdb"))
    return tuple(
        [corpus.documents.texts[i].decode() for i in corpus.order[part.id]]
        for part in (data.train, data.evaluation)
    )


def ngrams() -> Round:
    """The pipeline's encoder and model."""
    from rnnbench.models.linear.model import Model

    variant, data = load(NGRAMS)
    settings, train = _dataset(variant.dataset), data.train
    texts, held_out = _reviews(data)

    def once() -> tuple[float, float]:
        words = word_index(text.encode() for text in texts)
        encoder = encoders.WordEncoder(
            settings, "utf-8", {}, tuple(word.decode() for word in words)
        )
        x, x_evaluation = encoder.encode(texts), encoder.encode(held_out)
        known = data.meta.model_copy(update={"vocabulary_size": encoder.vocabulary_size})
        model = Model.build(variant, known, 0)
        model.fit(variant, 0, Samples(x, train.y, train.id), x_evaluation, lambda _: None)
        predicted = model.predict(x_evaluation) > 0.5
        return peak_mib(), float(np.mean(predicted == data.evaluation.y))

    return once


def sklearn() -> Round:
    """A pipeline as scikit-learn's documentation shows it."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    variant, data = load(NGRAMS)
    texts, held_out = _reviews(data)
    lengths, least = (1, variant.ngrams), variant.min_count

    def once() -> tuple[float, float]:
        vectorizer = CountVectorizer(ngram_range=lengths, min_df=least, binary=True)
        model = make_pipeline(vectorizer, LogisticRegression(max_iter=1000))
        model.fit(texts, data.train.y)
        predicted = model.predict(held_out)
        return peak_mib(), float(np.mean(predicted == data.evaluation.y))

    return once
