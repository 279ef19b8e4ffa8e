import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.schema import write_json
from rnnbench.data.format import (
    Meta,
    Samples,
    read_meta,
    read_samples,
    read_summary,
    write_dataset,
    write_samples,
)
from rnnbench.data.ragged import Ragged

FIXED = Meta(
    corpus="imdb",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(3,),
    vocabulary_size=301,
)
WHOLE = FIXED.model_copy(update={"shape": (None,)})


@pytest.fixture
def folder(tmp_path):
    samples = Samples(np.eye(3, dtype=np.uint8), np.array([0, 1, 0]), np.arange(3, dtype=np.int32))
    write_samples(tmp_path, "train", samples)
    write_json(tmp_path / "meta.json", FIXED)
    return tmp_path


@pytest.fixture
def whole(tmp_path):
    texts = [np.array([3, 1, 300]), np.array([], dtype=int), np.array([2])]
    x, y = Ragged.of(texts, vocabulary_size=301), np.zeros(3, np.uint8)
    write_samples(tmp_path, "train", Samples(x, y, np.arange(3, dtype=np.int32)))
    write_json(tmp_path / "meta.json", WHOLE)
    return tmp_path


def test_samples_are_read_as_written(folder) -> None:
    samples = read_samples(folder, "train")
    assert samples.x.tolist() == np.eye(3).tolist()
    assert samples.y.tolist() == [0, 1, 0]


def _pickle(path) -> None:
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)


def _archive(path) -> None:
    with path.open("wb") as file:
        np.savez(file, y=np.zeros(3))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", _pickle, _archive])
def test_the_error_names_a_file_that_is_no_array(folder, content) -> None:
    path = folder / "train_y.npy"
    content(path) if callable(content) else path.write_bytes(content)
    with pytest.raises(DataError, match=r"train_y\.npy"):
        read_samples(folder, "train")


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("y", np.zeros(2, int), "numbers of samples"),
        ("y", np.zeros((3, 3), int), "numbers of samples"),
        ("id", np.zeros(3), "numbers of samples"),
        ("y", np.array([0, 1, 2]), "targets out of range"),
        ("y", np.zeros(3), "targets out of range"),
        ("x", np.full((3, 3), 301), "samples out of range"),
        ("x", np.full((3, 3), -1), "samples out of range"),
        ("x", np.zeros((3, 3)), "samples out of range"),
        ("x", np.zeros((3, 4), int), "samples of shape"),
        ("x", np.array(1), "samples of shape"),
        ("offsets", np.arange(4), "ragged or not"),
    ],
)
def test_arrays_that_contradict_meta_json_are_refused(
    folder, name: str, array: np.ndarray, problem: str
) -> None:
    np.save(folder / f"train_{name}.npy", array)
    with pytest.raises(DataError, match=problem):
        read_samples(folder, "train")


@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [1, 3, 3, 4], [0, 3, 3, 5], [], 0, [0.0, 4.0]])
def test_offsets_that_do_not_match_the_values_are_refused(whole, offsets: object) -> None:
    np.save(whole / "train_offsets.npy", np.array(offsets))
    with pytest.raises(DataError, match="offsets"):
        read_samples(whole, "train")


def test_the_error_names_a_damaged_description(folder) -> None:
    (folder / "meta.json").write_text('{"corpus": 1}')
    with pytest.raises(DataError, match=r"meta\.json"):
        read_meta(folder)


def test_sequences_of_different_lengths_are_read_as_written(whole) -> None:
    x = read_samples(whole, "train").x
    assert isinstance(x, Ragged)
    assert [x[i].tolist() for i in range(3)] == [[3, 1, 300], [], [2]]
    assert (x.values.dtype, x.lengths.tolist()) == (np.uint16, [3, 0, 1])


def splits(train, evaluation, **others):
    for name, x in {"train": train, "evaluation": evaluation, **others}.items():
        yield name, Samples(x, np.arange(len(x)) % 2, np.arange(len(x), dtype=np.int32))


def test_the_summary_counts_samples_and_evaluation_samples_seen_in_training(tmp_path) -> None:
    train = np.array([[1, 2, 3], [4, 5, 6], [1, 2, 3]], np.uint16)
    evaluation = np.array([[4, 5, 6], [4, 5, 7], [1, 2, 3], [6, 5, 4]], np.uint16)
    meta = FIXED.model_copy(update={"out_of_domain": "other"})
    write_dataset(tmp_path, meta, splits(train, evaluation, other=train[:2]))
    summary = read_summary(tmp_path)
    assert (summary.training_samples, summary.evaluation_samples) == (3, 4)
    assert summary.out_of_domain_samples == 2
    assert summary.also_in_training == 2
    assert summary.distinct_targets == 2
    assert len(read_samples(tmp_path, "other")) == 2


def test_ragged_samples_seen_in_training_are_counted_too(tmp_path) -> None:
    train = Ragged.of([np.array([1, 2]), np.array([3])], 301)
    evaluation = Ragged.of([np.array([1]), np.array([2, 3]), np.array([3])], 301)
    write_dataset(tmp_path, WHOLE, splits(train, evaluation))
    assert read_summary(tmp_path).also_in_training == 1
    assert read_summary(tmp_path).out_of_domain_samples is None
