import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from rnnbench.core.errors import DataError, ParamsError, TrainingError
from rnnbench.data import scoring
from rnnbench.data.format import Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models import keras, linear
from rnnbench.models.base import Epoch
from rnnbench.models.linear.model import Model
from rnnbench.models.linear.ngrams import distinct, key_count, log_count_ratios, places
from tests.models.whole_texts import VOCABULARY_SIZE, meta, ragged


def settings(**changes: Any) -> linear.Settings:
    return linear.Settings(dataset="any", model="linear", **changes)


def random_documents(count: int, highest: int) -> list[list[int]]:
    rng = np.random.default_rng(5)
    return [rng.integers(1, highest, rng.integers(0, 12)).tolist() for _ in range(count)]


def as_text(documents: list[list[int]]) -> list[str]:
    return [" ".join(map(str, d)) for d in documents]


def fit(
    given: linear.Settings, x: Ragged, y: NDArray[Any], new: Ragged | None = None, seed: int = 1
) -> tuple[Model, Epoch]:
    model = Model.build(given, meta(), seed)
    epochs: list[Epoch] = []
    samples = Samples(x, y, np.arange(len(y), dtype=np.int32))
    model.fit(given, seed, samples, x if new is None else new, epochs.append)
    (epoch,) = epochs
    return model, epoch


@pytest.fixture
def trained() -> Model:
    documents = random_documents(60, 9)
    y = np.array([len(d) % 2 for d in documents], np.uint8)
    return fit(settings(), ragged(documents), y)[0]


def decoded(key: int, vocabulary_size: int) -> str:
    """The n-gram of a key as CountVectorizer spells it."""
    length = 1
    while key >= vocabulary_size**length:
        key -= vocabulary_size**length
        length += 1
    ids = [key // vocabulary_size**power % vocabulary_size for power in reversed(range(length))]
    return " ".join(map(str, ids))


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_features_are_those_of_count_vectorizer(ngrams: int) -> None:
    # With a vocabulary of 7, keys overflow the uint8 that the ids are stored in.
    documents = [[], [3], [3, 6], [6, 6, 6, 6], [], *random_documents(50, 7), []]
    keys, samples = distinct(ragged(documents, 7), ngrams, 7)

    vectorizer = CountVectorizer(binary=True, ngram_range=(1, ngrams), token_pattern=r"\S+")
    counts = vectorizer.fit_transform(as_text(documents))
    names = vectorizer.get_feature_names_out()
    expected = [{names[i] for i in counts[[row]].nonzero()[1]} for row in range(len(documents))]
    found: list[list[str]] = [[] for _ in documents]
    for key, sample in zip(keys.tolist(), samples.tolist(), strict=True):
        found[sample].append(decoded(key, 7))
    assert [set(f) for f in found] == expected
    assert [len(f) for f in found] == [len(e) for e in expected]
    assert (np.diff(keys) >= 0).all()
    assert keys.max() < key_count(ngrams, 7)


def test_keys_of_the_largest_vocabulary_are_exact() -> None:
    vocabulary_size = 2_000_000
    last = vocabulary_size - 1
    keys, _ = distinct(ragged([[last, last, last]], vocabulary_size), 3, vocabulary_size)
    assert keys.tolist() == [key_count(n, vocabulary_size) - 1 for n in (1, 2, 3)]


def test_places_omit_unknown_keys() -> None:
    vocabulary = np.array([2, 5, 9], np.int64)
    place, known = places(np.array([1, 2, 3, 9, 9, 10], np.int64), vocabulary)
    assert place.tolist() == [0, 2, 2]
    assert known.tolist() == [False, True, False, True, True, False]


def test_log_count_ratios_follow_the_formula() -> None:
    documents = [[1, 2, 1], [2, 3], [1], [3, 3, 3], [2, 1]]
    y = np.array([1, 1, 0, 0, 1], bool)
    alpha = 0.5
    keys, samples = distinct(ragged(documents), 2, VOCABULARY_SIZE)
    vocabulary = np.unique(keys)
    place, _ = places(keys, vocabulary)
    ratios = log_count_ratios(place, y[samples], len(vocabulary), alpha)

    sets = [{*map(str, d), *(f"{a} {b}" for a, b in itertools.pairwise(d))} for d in documents]
    names = sorted(set().union(*sets))

    def share(name: str, label: bool) -> float:
        counts = {
            n: alpha + sum(n in s for s, v in zip(sets, y, strict=True) if v == label)
            for n in names
        }
        return counts[name] / sum(counts.values())

    expected = {n: math.log(share(n, True)) - math.log(share(n, False)) for n in names}
    found = {
        decoded(k, VOCABULARY_SIZE): r
        for k, r in zip(vocabulary.tolist(), ratios.tolist(), strict=True)
    }
    assert found == pytest.approx(expected)


def test_predictions_are_those_of_the_method_put_together_from_scikit_learn() -> None:
    documents, alpha, strength = random_documents(120, 9), 0.7, 2.0
    y = np.array([sum(d) % 2 for d in documents], np.uint8)
    new = [[], [1, 2, 3], [8, 8, 8, 8], [5]]
    given = settings(alpha=alpha, C=strength, min_count=3)
    model, epoch = fit(given, ragged(documents), y, ragged(new))

    vectorizer = CountVectorizer(
        binary=True, ngram_range=(1, 3), token_pattern=r"\S+", min_df=3, dtype=np.float64
    )
    x = vectorizer.fit_transform(as_text(documents)).toarray()
    p, q = alpha + x[y == 1].sum(axis=0), alpha + x[y == 0].sum(axis=0)
    r = np.log(p / p.sum()) - np.log(q / q.sum())
    # Another solver of the same problem, so that only the optimum can agree.
    reference = LogisticRegression(solver="liblinear", dual=False, C=strength, tol=1e-8)
    reference.fit(x * r, y)
    expected = reference.predict_proba(vectorizer.transform(as_text(new)).toarray() * r)[:, 1]
    np.testing.assert_allclose(model.predict(ragged(new)), expected, atol=1e-3)
    assert model.parameters == x.shape[1] + 1
    assert str(x.shape[1]) in model.summary()
    seen = reference.predict_proba(x * r)[:, 1]
    assert epoch.accuracy == pytest.approx(((seen > 0.5) == y).mean(), abs=0.02)
    assert epoch.loss == pytest.approx(scoring.losses(meta(), seen, y).mean(), abs=1e-3)


def test_epoch_holds_the_prediction_of_the_evaluation_samples() -> None:
    documents = random_documents(60, 9)
    y = np.array([len(d) % 2 for d in documents], np.uint8)
    model, epoch = fit(settings(), ragged(documents), y, ragged([[1, 2], [], [3]]))
    assert epoch.number == 1
    assert epoch.prediction.dtype == np.float32
    assert epoch.prediction.tolist() == model.predict(ragged([[1, 2], [], [3]])).tolist()


def test_only_bigrams_learn_an_order() -> None:
    # Both classes contain the same words; 1 before 2 is class 1.
    pairs = [(a, b) for a in range(10, 20) for b in range(20, 24)]
    documents = [[a, *middle, b] for a, b in pairs for middle in ([1, 2], [2, 1])]
    y = np.array([1, 0] * len(pairs), np.uint8)
    new = ragged([[30, 31, 1, 2], [2, 1, 33]])
    _, unigrams = fit(settings(ngrams=1), ragged(documents), y)
    bigrams, seen = fit(settings(ngrams=2), ragged(documents), y)
    assert unigrams.accuracy == 0.5
    assert seen.accuracy == 1
    assert scoring.correct(meta(), bigrams.predict(new), np.array([1, 0])).tolist() == [1, 1]


def test_text_without_known_ngrams_gets_one_moderate_prediction() -> None:
    # Word 1 is in the three quarters of the samples that are of class 1, word 2 in the others.
    documents = [[1, 5], [1, 6], [1, 7], [2, 8]] * 25
    y = np.array([1, 1, 1, 0] * 25, np.uint8)
    model, _ = fit(settings(), ragged(documents), y)
    empty, unseen, negative, positive = model.predict(ragged([[], [30, 31, 32], [2], [1]]))
    assert empty == unseen
    assert negative < empty < positive
    assert model.predict(ragged([])).shape == (0,)


def test_a_prediction_does_not_depend_on_other_samples(trained: Model) -> None:
    documents = random_documents(60, 9)
    together = trained.predict(ragged(documents))
    assert [trained.predict(ragged([d])).item() for d in documents] == together.tolist()


def test_saved_model_predicts_the_same(trained: Model, tmp_path: Path) -> None:
    path = tmp_path / f"model{Model.SUFFIX}"
    trained.save(path)
    loaded = Model.load(path)
    x = ragged([[], *random_documents(30, 12)])
    assert loaded.predict(x).tolist() == trained.predict(x).tolist()
    assert loaded.parameters == trained.parameters
    assert loaded.summary() == trained.summary()


def test_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    documents = random_documents(60, 9)
    y = np.array([len(d) % 2 for d in documents], np.uint8)
    for name in ("first", "second"):
        fit(settings(), ragged(documents), y, seed=3)[0].save(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[:-30],
        lambda content: content[: len(content) // 2],
        lambda content: content[:400] + bytes([content[400] ^ 1]) + content[401:],
        lambda content: b"not an archive" + content,
    ],
)
def test_a_damaged_file_is_a_data_error(trained: Model, tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "model.npz"
    trained.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"model\.npz.*; run dvc repro$"):
        Model.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"bias": None},
        {"keys": np.array([3, 2, 1], np.int64), "weights": np.zeros(3, np.float32)},
        {"weights": np.zeros(1, np.float32)},
    ],
    ids=["incomplete", "unsorted", "unequal"],
)
def test_unusable_arrays_are_a_data_error(
    trained: Model, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "model.npz"
    trained.save(path)
    with np.load(path) as archive:
        arrays = {name: a for name, a in ({**archive} | change).items() if a is not None}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"; run dvc repro$"):
        Model.load(path)


class Touching:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("member", ["meta", "keys"])
def test_a_pickle_is_never_executed(trained: Model, tmp_path: Path, member: str) -> None:
    path = tmp_path / "model.npz"
    trained.save(path)
    with np.load(path) as archive:
        arrays = {**archive, member: np.array([Touching(tmp_path / "touched")])}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"; run dvc repro$"):
        Model.load(path)
    assert not (tmp_path / "touched").exists()


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run dvc repro"):
        Model.load(tmp_path / "model.npz")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"target": "classes"}, "target 'classes'"),
        ({"target": "number"}, "target 'number'"),
        ({"encoding": "one_hot"}, "encoding 'one_hot'"),
        ({"shape": (100,)}, r"shape \(100,\)"),
        ({"vocabulary_size": 3_000_000}, "3000000"),
    ],
)
def test_an_unsuitable_dataset_is_an_error_in_params(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParamsError, match=f"model: linear cannot .*{problem}.*; allowed: "):
        Model.build(settings(), meta(**changes), 1)


def test_fewer_ngrams_admit_more_words() -> None:
    assert Model.build(settings(ngrams=2), meta(vocabulary_size=3_000_000), 1).parameters == 1


@pytest.mark.parametrize(
    ("documents", "y", "problem"),
    [
        ([[1, 2], [1, 3]], [1, 1], "one class"),
        ([[1, 2], [1, 3]], [0, 0], "one class"),
        ([[1, 2], [3, 4]], [0, 1], "no n-gram"),
        ([[], []], [0, 1], "no n-gram"),
    ],
)
def test_samples_without_information_are_an_error(
    documents: list[list[int]], y: list[int], problem: str
) -> None:
    with pytest.raises(TrainingError, match=problem):
        fit(settings(), ragged(documents), np.array(y, np.uint8))


def test_description_has_the_columns_of_keras() -> None:
    other = keras.Settings(
        dataset="any",
        model="keras",
        layers=[{"GRU": {"units": 8}}],
        optimizer="Adam",
        epochs=1,
        batch_size=1,
    )
    description = settings(alpha=0.25).architecture
    assert description.keys() == other.architecture.keys()
    assert "alpha=0.25" in str(description["layers"])
