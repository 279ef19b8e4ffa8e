from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import adding
from rnnbench.corpora.base import ArrayCorpus


def draw(count: int, seed: int = 1, **settings: float) -> ArrayCorpus:
    corpus = adding.Adding(adding.Settings(**settings))
    return corpus.draw(count, np.random.default_rng(seed))


@pytest.mark.parametrize(("samples", "steps"), [(1, 2), (50, 3), (2000, 100)])
def test_target_is_the_sum_of_the_two_marked_numbers(samples: int, steps: int) -> None:
    corpus = draw(samples, steps=steps)
    assert (corpus.x.shape, corpus.y.shape) == ((samples, steps, 2), (samples,))
    assert (corpus.x.dtype, corpus.y.dtype) == (np.float32, np.float32)
    for sample, target in zip(corpus.x, corpus.y, strict=True):
        (marked,) = np.nonzero(sample[:, 1])
        assert sample[marked, 1].tolist() == [1, 1]
        first, second = sample[marked, 0]
        assert target == first + second


def test_corpus_has_numbers_as_samples_and_targets() -> None:
    corpus = draw(2, tolerance=0.125)
    assert (corpus.encoding, corpus.target, corpus.classes) == ("number", "number", ())
    assert corpus.tolerance == 0.125


def test_every_pair_of_steps_is_equally_likely() -> None:
    marks = draw(12_000, steps=4).x[..., 1]
    pairs, counts = np.unique(marks, axis=0, return_counts=True)
    assert len(pairs) == 6
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(2000)


def test_the_mean_has_a_squared_error_of_a_sixth() -> None:
    # The variance of a uniform number is 1/12. The 0.1767 of the papers is 20 errors away.
    squares = (draw(200_000, steps=2).y.astype(np.float64) - 1) ** 2
    error = squares.std() / np.sqrt(len(squares))
    assert abs(squares.mean() - 1 / 6) < 4 * error
    assert error < (0.1767 - 1 / 6) / 20


def test_equal_random_numbers_give_equal_samples() -> None:
    one, again, other = (draw(20, seed=seed) for seed in (1, 1, 2))
    for name in ("x", "y"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert (getattr(one, name) != getattr(other, name)).any()


@pytest.mark.parametrize(
    "settings", [{"steps": 1}, {"steps": 2**16 + 1}, {"tolerance": 0.0}, {"tolerance": np.inf}]
)
def test_settings_without_a_problem_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        adding.Settings(**settings)


def test_a_fetched_corpus_has_the_requested_settings(tmp_path: Path) -> None:
    settings = adding.Settings(steps=3, tolerance=0.125)
    adding.fetch(settings, tmp_path)
    assert adding.read(tmp_path) == adding.Adding(settings)


@pytest.mark.parametrize("damaged", [None, b"", b'{"tolerance": 0}'])
def test_the_error_names_the_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    if damaged is not None:
        (tmp_path / "corpus.json").write_bytes(damaged)
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        adding.read(tmp_path)
