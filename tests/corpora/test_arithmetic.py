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


def test_sequences_have_the_requested_length(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, sequences=2, steps=3)
    np.testing.assert_allclose(corpus.x[..., 0], [[0, 0.01, 0.02], [0.01, 0.02, 0.03]])
    np.testing.assert_allclose(corpus.y, [0.03, 0.04])


def test_corpus_has_numbers_as_samples_and_targets(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, tolerance=0.125)
    assert (corpus.encoding, corpus.target, corpus.classes) == ("number", "number", ())
    assert corpus.tolerance == 0.125


@pytest.mark.parametrize("settings", [{"sequences": 0}, {"steps": 0}, {"tolerance": 0.0}])
def test_settings_without_a_sequence_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        arithmetic.Settings(**settings)


@pytest.mark.parametrize("damaged", [None, b"", b'{"steps": 0}'])
def test_the_error_names_the_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    if damaged is not None:
        (tmp_path / "corpus.json").write_bytes(damaged)
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        arithmetic.read(tmp_path)
