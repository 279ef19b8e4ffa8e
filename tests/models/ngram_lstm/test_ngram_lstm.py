import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit

from rnnbench.core.errors import DataError, ParamsError, TrainingError
from rnnbench.data.format import Samples
from rnnbench.data.ragged import Ragged
from rnnbench.data.roles import RECURRENT
from rnnbench.models import linear, ngram_lstm
from rnnbench.models.base import Epoch
from rnnbench.models.linear.model import Model as LinearModel
from rnnbench.models.linear.ngrams import distinct
from rnnbench.models.ngram_lstm.evidence import CHANNELS, Table, cross_fitted
from rnnbench.models.ngram_lstm.model import Model
from rnnbench.models.ngram_lstm.network import build, packed, start
from tests.models.whole_texts import VOCABULARY_SIZE, meta, ragged


def settings(**changes: Any) -> ngram_lstm.Settings:
    given: dict[str, Any] = {"units": 3, "epochs": 2, "batch_size": 20, "min_count": 1}
    return ngram_lstm.Settings(dataset="any", model="ngram_lstm", **given | changes)


def samples(documents: list[list[int]], y: list[int]) -> Samples:
    ids = np.arange(len(y), dtype=np.int32)
    return Samples(ragged(documents), np.array(y, np.uint8), ids)


def random_samples(count: int = 60) -> Samples:
    """Of 0 to 15 words: words above 7 are in those of class 1 only."""
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, count).tolist()
    lengths = [0, 1, 2, *rng.integers(0, 16, count - 3)]
    return samples(
        [rng.integers(1, 8 + 4 * k, n).tolist() for k, n in zip(y, lengths, strict=True)], y
    )


def fit(given: ngram_lstm.Settings, train: Samples, seed: int = 1) -> tuple[Model, list[Epoch]]:
    model, epochs = Model.build(given, meta(), seed), list[Epoch]()
    model.fit(given, seed, train, train.x, epochs.append)
    return model, epochs


@pytest.fixture(scope="module")
def trained() -> Model:
    return fit(settings(learning_rate=0.1, ema_momentum=0.5), random_samples())[0]


def test_evidence_is_where_an_ngram_first_ends() -> None:
    # The numbers of "2", of "1 2" and of "1 2 3", by the definition of the keys.
    size = VOCABULARY_SIZE
    keys = [2, size + (1 * size + 2), size + size**2 + (1 * size + 2) * size + 3]
    table = Table(np.array(keys, np.int64), np.array([5, 7, 11], np.float32), 0.0)
    evidence = table.evidence(ragged([[1, 2, 3, 1, 2, 3], [], [2], [1], [2, 1, 2]]), size)
    none = [0, 0, 0]
    first = [none, [5, 7, 0], [0, 0, 11], none, none, none]
    # The last word of a text and the first of the next one are no bigram.
    assert evidence.tolist() == [*first, [5, 0, 0], none, [5, 0, 0], none, [0, 7, 0]]


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_evidence_adds_up_to_the_logit_of_the_linear_model(ngrams: int) -> None:
    train, given = random_samples(), settings(ngrams=ngrams, C=0.1)
    assert isinstance(train.x, Ragged)
    model = LinearModel.build(given, meta(), 1)
    model.fit(given, 1, train, train.x, lambda _: None)
    table = Table.fitted(given, meta(), 1, train)

    evidence = table.evidence(train.x, VOCABULARY_SIZE)
    assert evidence.any(axis=0).tolist() == [length <= ngrams for length in (1, 2, 3)]
    rows = np.repeat(np.arange(len(train)), train.x.lengths)
    logits = np.bincount(rows, evidence.sum(axis=1), minlength=len(train)) + table.bias
    assert np.abs(logits).max() > 1
    np.testing.assert_allclose(logits, logit(model.predict(train.x).astype(float)), atol=1e-5)
    # Counted at each occurrence, they would not.
    assert len(distinct(train.x, 1, VOCABULARY_SIZE)[0]) < len(train.x.values)


def test_the_mean_of_tables_has_the_mean_logit() -> None:
    first = Table(np.array([2, 5], np.int64), np.array([1, 2], np.float32), 0.5)
    second = Table(np.array([1, 5], np.int64), np.array([4, 6], np.float32), 1.5)
    mean = Table.mean([first, second])
    assert (mean.keys.tolist(), mean.weights.tolist(), mean.bias) == ([1, 2, 5], [2, 0.5, 4], 1.0)


def test_evidence_in_a_training_sample_does_not_come_from_its_own_label() -> None:
    # Sample k has the word 4 + k, which no other has.
    documents = [[1, 2, 4 + k, 1] for k in range(30)]
    train = samples(documents, [k % 2 for k in range(30)])
    assert isinstance(train.x, Ragged)
    evidence, table = cross_fitted(settings(), meta(), 1, train)
    own = np.isin(train.x.values, range(4, 34))
    unigrams = evidence[:, 0]
    assert own.sum() == 30
    assert not evidence[own].any()
    # The bigram that ends after the word has the word too.
    assert not evidence[np.flatnonzero(own) + 1, 1:].any()
    assert (unigrams[train.x.values == 2] != 0).any()
    # New texts have evidence for it, and so would the text itself without folds.
    assert table.evidence(train.x, VOCABULARY_SIZE)[own, 0].all()
    whole = Table.fitted(settings(), meta(), 1, train)
    assert whole.evidence(train.x, VOCABULARY_SIZE)[own, 0].all()


def test_a_flipped_label_changes_no_evidence_of_its_own_fold() -> None:
    train, given = random_samples(), settings(folds=3)
    assert isinstance(train.x, Ragged)
    before, _ = cross_fitted(given, meta(), 1, train)
    row = int(train.x.lengths.argmax())
    y = train.y.copy()
    y[row] = 1 - y[row]
    after, _ = cross_fitted(given, meta(), 1, Samples(train.x, y, train.id))
    rows = np.repeat(np.arange(len(train)), train.x.lengths)
    changed = {int(r) for r in rows[(before != after).any(axis=1)]}
    # Those of the other two folds that have any word.
    assert 0.5 * len(train) < len(changed) < 0.75 * len(train)
    assert row not in changed


def test_the_network_begins_as_the_linear_model() -> None:
    train = random_samples()
    assert isinstance(train.x, Ragged)
    table = Table.fitted(settings(), meta(), 1, train)
    evidence = table.evidence(train.x, VOCABULARY_SIZE)
    network = build(3, 0.3, seed=1)
    start(network, evidence, table.bias)
    batch = packed(train.x, evidence).padded_batch(np.arange(len(train)), 64)

    rows = np.repeat(np.arange(len(train)), train.x.lengths)
    logits = np.bincount(rows, evidence.sum(axis=1), minlength=len(train)) + table.bias
    probabilities = np.asarray(network(batch))[:, 0]
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)
    scaled = evidence * np.asarray(network.get_layer("scale").kernel)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


def test_learns_order_that_evidence_alone_does_not_show() -> None:
    good, bad = 1, 2

    def text(rng: np.random.Generator, words: list[int]) -> list[int]:
        """The words, each after 3 to 5 others: no n-gram has two of them."""
        others = [rng.integers(3, 8, rng.integers(3, 6)).tolist() for _ in range(3)]
        parts = zip(others, [[word] for word in words] + [[]] * (3 - len(words)), strict=True)
        return list(itertools.chain(*itertools.chain(*parts)))

    def texts(rng: np.random.Generator, count: int, kinds: list[list[int]]) -> Samples:
        words = [kinds[k] for k in rng.integers(0, len(kinds), count)]
        return samples([text(rng, w) for w in words], [int(w[-1] == good) for w in words])

    # The last of the two words decides, and most texts have only one.
    both = [[good, bad], [bad, good]]
    rng = np.random.default_rng(0)
    train, new = texts(rng, 400, [[good], [bad], *both]), texts(rng, 200, both)
    fast: dict[str, Any] = {"units": 4, "epochs": 12, "learning_rate": 0.03, "ema_momentum": 0.9}
    given = settings(min_count=2, **fast)
    model, _ = fit(given, train)
    alone = LinearModel.build(given, meta(), 1)
    alone.fit(given, 1, train, new.x, lambda _: None)

    def accuracy(of: Any) -> float:
        return float(((of.predict(new.x) > 0.5) == new.y).mean())

    assert accuracy(alone) < 0.65
    assert accuracy(model) > 0.95


def test_padding_does_not_change_the_output() -> None:
    train, rng = random_samples(), np.random.default_rng(0)
    assert isinstance(train.x, Ragged)
    network = build(3, 0.3, seed=1)
    # As after a training: at first, all biases are 0 or 1, and a state without input stays 0.
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    evidence = rng.normal(size=(len(train.x.values), CHANNELS)).astype(np.float32)
    x, rows = packed(train.x, evidence), np.arange(len(train))
    narrow, wide = (np.asarray(network(x.padded_batch(rows, width))) for width in (64, 160))
    assert np.ptp(narrow) > 0.1
    np.testing.assert_allclose(wide, narrow, atol=1e-5)


def test_other_samples_do_not_change_a_prediction(trained: Model) -> None:
    train = random_samples()
    assert isinstance(train.x, Ragged)
    longest = Ragged.concatenate([train.x, ragged([[1] * 50])])
    together = trained.predict(longest)[:-1]
    assert np.isfinite(together).all()
    assert np.ptp(together) > 0.1
    parts = [trained.predict(train.x.take(np.array([row]))) for row in range(len(train))]
    np.testing.assert_allclose(np.concatenate(parts), together, atol=1e-6)
    assert trained.predict(train.x.take(np.empty(0, np.int64))).shape == (0,)


def test_a_saved_model_predicts_the_same(trained: Model, tmp_path: Path) -> None:
    path, x = tmp_path / "model.npz", random_samples().x
    trained.save(path)
    loaded = Model.load(path)
    np.testing.assert_array_equal(loaded.predict(x), trained.predict(x))
    assert loaded.parameters == trained.parameters
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_equal_seeds_give_equal_bytes_also_after_another_replicate(tmp_path: Path) -> None:
    train, given, contents = random_samples(), settings(), []
    model, _ = fit(given, train, seed=3)
    for number, seed in enumerate((3, 4, 3)):
        if number:
            model = model.rebuild(given, meta(), seed)
            model.fit(given, seed, train, train.x, lambda _: None)
        model.save(tmp_path / "model.npz")
        contents.append((tmp_path / "model.npz").read_bytes())
    assert contents[0] == contents[2] != contents[1]
    fit(given, train, seed=3)[0].save(tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == contents[0]


def test_resumes_and_returns_to_an_epoch() -> None:
    train, given = random_samples(), settings(epochs=3, ema_momentum=0.9, learning_rate=0.05)
    states: list[dict[str, NDArray[Any]]] = []
    epochs: list[Epoch] = []
    model = Model.build(given, meta(), 1)

    def on_epoch(epoch: Epoch) -> None:
        states.append(model.state())
        epochs.append(epoch)

    model.fit(given, 1, train, train.x, on_epoch)
    assert len({epoch.prediction.tobytes() for epoch in epochs}) == 3

    resumed, later = Model.build(given, meta(), 2), list[Epoch]()
    resumed.restore(given, states[0])
    resumed.fit(given, 1, train, train.x, later.append, done=1)
    assert [epoch.number for epoch in later] == [2, 3]
    for expected, found in zip(epochs[1:], later, strict=True):
        np.testing.assert_array_equal(found.prediction, expected.prediction)
        assert found.loss == expected.loss

    model.restore(given, states[1])
    np.testing.assert_array_equal(model.predict(train.x), epochs[1].prediction)
    with pytest.raises(LookupError):
        model.restore(given, {})


def test_averages_of_weights_predict_and_do_not_disturb_the_training() -> None:
    train, histories = random_samples(), []
    for momentum in (0.0, 0.9):
        given = settings(epochs=3, ema_momentum=momentum, learning_rate=0.05)
        histories.append(fit(given, train)[1])
    assert [epoch.loss for epoch in histories[0]] == [epoch.loss for epoch in histories[1]]
    for plain, averaged in zip(*histories, strict=True):
        assert np.abs(plain.prediction - averaged.prediction).max() > 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "classes", "classes": ("a", "b", "c")},
        {"target": "number", "classes": ()},
        {"encoding": "multi_hot"},
        {"shape": (100,)},
        {"vocabulary_size": 3_000_000},
    ],
)
def test_refuses_other_datasets(changes: dict[str, Any]) -> None:
    with pytest.raises(ParamsError, match="ngram_lstm cannot"):
        Model.build(settings(), meta(**changes), 1)


def test_refuses_samples_of_one_class() -> None:
    with pytest.raises(TrainingError, match="one class"):
        fit(settings(), samples([[1, 2], [2, 3], [1, 3]], [1, 1, 1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": np.array([3, 3], np.int64)},
        {"weights": np.array([1, 2], np.float64)},
        {"weights": np.array([1], np.float32)},
        {"network_0": np.zeros(7, np.float32)},
        {"units": 4},
        {"meta": "{}"},
    ],
)
def test_damaged_files_are_errors(changes: dict[str, Any], tmp_path: Path, trained: Model) -> None:
    path = tmp_path / "model.npz"
    two = {"keys": np.array([1, 3], np.int64), "weights": np.array([1, 2], np.float32)}
    np.savez(path, **trained.arrays() | two)
    Model.load(path)
    np.savez(path, **trained.arrays() | two | changes)
    with pytest.raises(DataError, match=r"model\.npz: not a readable model"):
        Model.load(path)


def test_describes_itself_as_a_hybrid(trained: Model) -> None:
    given = settings(units=3)
    assert given.role != RECURRENT
    assert given.architecture.items() >= {"cell": "LSTM", "units": 3, "bidirectional": True}.items()
    assert str(given.architecture["layers"]).startswith("hybrid")
    assert trained.summary().startswith("hybrid")
    assert f"{trained.parameters:,}" in trained.summary()
    table, network = len(trained.arrays()["keys"]), 2 * 4 * 3 * (3 + 3 + 1) + 12 + 1 + 1
    assert trained.parameters == table + network
    assert isinstance(given, linear.Settings)
