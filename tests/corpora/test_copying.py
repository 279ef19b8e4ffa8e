from math import log
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import copying
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import Meta, read_prepared
from rnnbench.data.scoring import correct, losses, prior
from rnnbench.models.keras.network import build
from rnnbench.preprocessing.stage import preprocess

SMALL = {"symbols": 3, "alphabet": 4, "blanks": 6}
BLANK, MARKER = 4, 5


def draw(count: int, seed: int = 1, **settings: int) -> ArrayCorpus:
    corpus = copying.Copying(copying.Settings(**settings))
    return corpus.draw(count, np.random.default_rng(seed))


@pytest.mark.parametrize("selective", [False, True])
def test_sequences_have_the_symbols_before_the_markers(selective: bool) -> None:
    corpus = draw(200, **SMALL, selective=selective)
    assert (corpus.x.shape, corpus.y.shape) == ((200, 3, 4), (200, 3))
    assert (corpus.x.dtype, corpus.y.dtype) == (np.uint8, np.uint8)
    assert corpus.classes == ("0", "1", "2", "3", "blank", "marker")
    assert (corpus.encoding, corpus.target) == ("index", "steps")
    places = set()
    for rows, target in zip(corpus.x, corpus.y, strict=True):
        sequence = [step for row in rows for step in row]
        assert sequence[8:] == [MARKER] * 4
        symbols = [step for step in sequence[:8] if step != BLANK]
        assert symbols == target.tolist()
        places.add(tuple(step != BLANK for step in sequence[:8]))
    # 8 over 3, or the first three.
    assert len(places) == (56 if selective else 1)
    assert selective or places == {(True,) * 3 + (False,) * 5}


def test_symbols_are_equally_likely_at_each_place() -> None:
    y = draw(8_000).y
    assert y.shape == (8_000, 10)
    counts = [np.bincount(place, minlength=8) for place in y.T]
    assert np.abs(np.array(counts) - 1_000).max() < 5 * np.sqrt(1_000)


def test_equal_random_numbers_give_equal_samples() -> None:
    one, again, other = (draw(20, seed, **SMALL, selective=True) for seed in (1, 1, 2))
    for name in ("x", "y"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert (getattr(one, name) != getattr(other, name)).any()


def test_the_baseline_recalls_one_symbol_in_eight(tmp_path: Path) -> None:
    for name in ("raw", "prepared"):
        (tmp_path / name).mkdir()
    copying.fetch(copying.Settings(), tmp_path / "raw")
    dataset = ArrayDataset(corpus="c", split="new", train=4000, validation=10, evaluation=4000)
    preprocess(dataset, "copying", tmp_path / "raw", tmp_path / "prepared", 42, 1)
    data = read_prepared(tmp_path / "prepared")
    y = data.part(0, "evaluation").y
    constant = np.broadcast_to(prior(data.meta, data.part(0, "train").y), (*y.shape, 10))
    error = np.sqrt(7 / 64 / y.size)
    assert abs(correct(data.meta, constant, y).mean() - 1 / 8) < 4 * error
    assert losses(data.meta, constant, y).mean() == pytest.approx(log(8), abs=0.001)


def test_the_layers_of_the_docstring_see_the_sequence_and_predict_the_recall() -> None:
    corpus = draw(2, **SMALL)
    meta = Meta(
        corpus="c",
        encoding="index",
        target="steps",
        classes=corpus.classes,
        shape=corpus.x.shape[1:],
        vocabulary_size=6,
    )
    layers = [
        {"Embedding": {"output_dim": 10}},
        {"Reshape": {"target_shape": [-1, 10]}},
        {"GRU": {"units": 2, "return_sequences": True}},
        {"Cropping1D": {"cropping": [SMALL["blanks"] + SMALL["symbols"], 0]}},
    ]
    network = build(layers, meta, seed=0)
    embedding, reshape, gru, cropping, _ = network.layers
    steps = reshape(embedding(corpus.x)).numpy()
    np.testing.assert_array_equal(
        steps, embedding.get_weights()[0][corpus.x.reshape(2, 12)], strict=True
    )
    states = gru(steps)
    np.testing.assert_array_equal(cropping(states).numpy(), states.numpy()[:, -3:])
    assert network.output_shape == (None, 3, 6)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"symbols": 0}, "symbols"),
        ({"alphabet": 1}, "alphabet"),
        ({"alphabet": 255}, "alphabet"),
        ({"blanks": 0}, "blanks"),
        ({"symbols": 3, "blanks": 7}, "blanks 7 is no multiple of symbols 3"),
    ],
)
def test_settings_without_a_problem_are_refused(settings: dict[str, int], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        copying.Settings(**settings)


def test_a_fetched_corpus_has_the_requested_settings(tmp_path: Path) -> None:
    settings = copying.Settings(**SMALL, selective=True)
    copying.fetch(settings, tmp_path)
    assert copying.read(tmp_path) == copying.Copying(settings)


@pytest.mark.parametrize("damaged", [None, b"", b'{"symbols": 3, "blanks": 7}'])
def test_the_error_names_the_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    if damaged is not None:
        (tmp_path / "corpus.json").write_bytes(damaged)
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        copying.read(tmp_path)
