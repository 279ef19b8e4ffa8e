from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import arithmetic
from rnnbench.corpora.base import ArrayCorpus


def fetch_and_read(directory: Path, **settings: object) -> ArrayCorpus:
    directory.mkdir(exist_ok=True)
    arithmetic.fetch(arithmetic.Settings(**settings), directory)
    return arithmetic.read(directory)


def test_sequences_are_those_of_the_formula(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path)
    assert (corpus.x.shape, corpus.y.shape) == ((100, 5, 1), (100,))
    assert (corpus.x.dtype, corpus.y.dtype) == (np.float32, np.float32)
    for j in range(100):
        assert corpus.x[j, :, 0].tolist() == [np.float32((i + j) / 100) for i in range(5)]
        assert corpus.y[j] == np.float32((j + 5) / 100)


def test_sequences_have_the_length_asked_for(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, sequences=2, steps=3)
    np.testing.assert_allclose(corpus.x[..., 0], [[0, 0.01, 0.02], [0.01, 0.02, 0.03]])
    np.testing.assert_allclose(corpus.y, [0.03, 0.04])


def test_corpus_says_how_it_is_learned(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, tolerance=0.125)
    assert (corpus.encoding, corpus.target, corpus.classes) == ("number", "number", ())
    assert corpus.tolerance == 0.125


@pytest.mark.parametrize(
    "settings", [{"sequences": 0}, {"steps": 0}, {"tolerance": 0.0}, {"tolerance": float("inf")}]
)
def test_settings_that_make_no_sequence_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        arithmetic.Settings(**settings)


# A fetched corpus that was damaged afterwards


@pytest.mark.parametrize("damaged", [None, b"", b"{}", b'{"tolerance": 0}'])
@pytest.mark.parametrize("name", ["x.npy", "y.npy", "corpus.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damaged: bytes | None) -> None:
    fetch_and_read(tmp_path)
    if damaged is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(damaged)
    with pytest.raises(DataError, match=f"{name}.*; run dvc repro"):
        arithmetic.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("x", (100, 5)), ("x", (99, 5, 1)), ("x", (100, 5, 2)), ("y", (99,)), ("y", (100, 1))],
)
def test_shapes_that_disagree_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    fetch_and_read(tmp_path)
    np.save(tmp_path / f"{name}.npy", np.zeros(shape, np.float32))
    with pytest.raises(DataError, match=r"expected \(n, steps, 1\) and \(n,\); run dvc repro"):
        arithmetic.read(tmp_path)
