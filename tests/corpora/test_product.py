from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rnnbench.core.errors import DataError
from rnnbench.corpora import product
from rnnbench.corpora.base import ArrayCorpus


def fetch_and_read(directory: Path, **settings: object) -> ArrayCorpus:
    directory.mkdir(exist_ok=True)
    product.fetch(product.Settings(**settings), directory)
    return product.read(directory)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize(("samples", "steps"), [(1, 2), (50, 3), (2000, 100)])
def test_target_is_the_product_of_the_two_marked_numbers(
    tmp_path: Path, samples: int, steps: int
) -> None:
    corpus = fetch_and_read(tmp_path, samples=samples, steps=steps)
    assert (corpus.x.shape, corpus.y.shape) == ((samples, steps, 2), (samples,))
    assert (corpus.x.dtype, corpus.y.dtype) == (np.float32, np.float32)
    for sample, target in zip(corpus.x, corpus.y, strict=True):
        (marked,) = np.nonzero(sample[:, 0])
        assert len(marked) == 2
        assert sample[marked, 0].tolist() == [1, 1]
        first, second = sample[marked, 1]
        assert target == first * second


def test_corpus_has_numbers_as_samples_and_targets(tmp_path: Path) -> None:
    corpus = fetch_and_read(tmp_path, samples=2, tolerance=0.125)
    assert (corpus.encoding, corpus.target, corpus.classes) == ("number", "number", ())
    assert corpus.tolerance == 0.125


def test_numbers_are_uniform_in_the_unit_interval(tmp_path: Path) -> None:
    numbers = fetch_and_read(tmp_path, samples=10_000, steps=20).x[..., 1]
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    expected = numbers.size / 20
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_every_pair_of_steps_is_equally_likely(tmp_path: Path) -> None:
    marks = fetch_and_read(tmp_path, samples=12_000, steps=4).x[..., 0]
    pairs, counts = np.unique(marks, axis=0, return_counts=True)
    assert len(pairs) == 6
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(2000)


def test_the_mean_has_the_known_squared_error(tmp_path: Path) -> None:
    # Var(UV) = 1/9 - 1/16 for independent U and V, uniform in [0, 1).
    y = fetch_and_read(tmp_path, samples=50_000, steps=10).y.astype(np.float64)
    squares = (y - y.mean()) ** 2
    error = squares.std() / np.sqrt(len(y))
    assert abs(squares.mean() - 7 / 144) < 4 * error
    assert error < 0.0005


def test_samples_depend_on_the_seed_only(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        fetch_and_read(tmp_path / name, seed=seed, samples=20)
    one, again, two = (content(tmp_path / name) for name in ("one", "again", "two"))
    assert one == again
    assert one["x.npy"] != two["x.npy"]
    assert one["y.npy"] != two["y.npy"]


@pytest.mark.parametrize(
    "settings",
    [
        {"samples": 0},
        {"steps": 1},
        {"tolerance": 0.0},
        {"tolerance": float("inf")},
    ],
)
def test_settings_without_a_problem_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        product.Settings(**settings)


# A fetched corpus that was damaged afterwards


@pytest.mark.parametrize(
    ("name", "damaged"),
    [("x.npy", b""), ("y.npy", None), ("corpus.json", None), ("corpus.json", b'{"tolerance": 0}')],
)
def test_the_error_names_the_damaged_file(tmp_path: Path, name: str, damaged: bytes | None) -> None:
    fetch_and_read(tmp_path, samples=3)
    if damaged is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(damaged)
    with pytest.raises(DataError, match=f"{name}.*; run dvc repro"):
        product.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("x", (3, 100)), ("x", (2, 100, 2)), ("x", (3, 100, 1)), ("y", (3, 1)), ("y", ())],
)
def test_shapes_that_disagree_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    fetch_and_read(tmp_path, samples=3)
    np.save(tmp_path / f"{name}.npy", np.zeros(shape, np.float32))
    with pytest.raises(DataError, match=r"expected \(n, steps, 2\) and \(n,\); run dvc repro"):
        product.read(tmp_path)
