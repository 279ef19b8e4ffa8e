import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.data.format import (
    DUPLICATE,
    FLAGS,
    Meta,
    Samples,
    read_further,
    read_meta,
    read_prepared,
    read_summary,
    read_targets,
    write_dataset,
    write_samples,
)
from rnnbench.data.ragged import Ragged

TRAIN, VALIDATION, EVALUATION = FLAGS.values()
FIXED = Meta(
    corpus="imdb",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(3,),
    vocabulary_size=301,
)
WHOLE = FIXED.model_copy(update={"shape": (None,)})


WHOLE_TEXTS = [[3, 1, 300], [], [2]]


def write(folder, meta: Meta, x, splits, **further) -> None:
    """A dataset whose labels alternate."""
    for name, other in further.items():
        write_samples(folder, _samples(other), f"{name}_")
    sizes = {name: len(other) for name, other in further.items()}
    write_dataset(folder, meta, "random", _samples(x), np.array(splits, np.uint8), sizes)


def _samples(x) -> Samples:
    return Samples(x, np.arange(len(x)) % 2, np.arange(len(x), dtype=np.int32))


def ragged(texts: list[list[int]]) -> Ragged:
    return Ragged.of([np.array(text, int) for text in texts], vocabulary_size=301)


@pytest.fixture
def folder(tmp_path):
    """Three samples in two splits, and a further set."""
    meta = FIXED.model_copy(update={"further_sets": ("other",)})
    splits = [[TRAIN, VALIDATION, EVALUATION], [EVALUATION, TRAIN, VALIDATION]]
    x = np.eye(3, dtype=np.uint8)
    write(tmp_path, meta, x, splits, other=x[::-1])
    return tmp_path


@pytest.fixture
def whole(tmp_path):
    write(tmp_path, WHOLE, ragged(WHOLE_TEXTS), [[TRAIN, TRAIN, EVALUATION]])
    return tmp_path


def test_the_parts_of_each_split_are_read_as_written(folder) -> None:
    data = read_prepared(folder)
    assert data.samples.x.tolist() == np.eye(3).tolist()
    for split, rows in enumerate([(0, 1, 2), (1, 2, 0)]):
        for part, row in zip(FLAGS, rows, strict=True):
            samples = data.part(split, part)
            assert samples.x.tolist() == [np.eye(3)[row].tolist()]
            assert (samples.y.tolist(), samples.id.tolist()) == ([row % 2], [row])


def test_further_sets_are_read_by_their_name(folder) -> None:
    other = read_further(folder, "other")
    assert other.x.tolist() == np.eye(3)[::-1].tolist()
    assert other.y.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "splits",
    [np.zeros((2, 4), np.uint8), np.zeros((0, 3), np.uint8), np.zeros((2, 3)), np.uint8(1)],
)
def test_splits_that_do_not_match_the_samples_are_refused(folder, splits: np.ndarray) -> None:
    np.save(folder / "splits.npy", splits)
    with pytest.raises(DataError, match=r"splits\.npy is damaged; run dvc repro"):
        read_targets(folder)


def _pickle(path) -> None:
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)


def _archive(path) -> None:
    with path.open("wb") as file:
        np.savez(file, y=np.zeros(3))


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"PK\x03\x04", _pickle, _archive])
def test_the_error_names_a_file_that_is_no_array(folder, content) -> None:
    path = folder / "y.npy"
    content(path) if callable(content) else path.write_bytes(content)
    with pytest.raises(DataError, match=r"y\.npy"):
        read_prepared(folder)


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
    np.save(folder / f"{name}.npy", array)
    with pytest.raises(DataError, match=problem):
        read_prepared(folder)
    np.save(folder / f"other_{name}.npy", array)
    with pytest.raises(DataError, match=problem):
        read_further(folder, "other")


@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [1, 3, 3, 4], [0, 3, 3, 5], [], 0, [0.0, 4.0]])
def test_offsets_that_do_not_match_the_values_are_refused(whole, offsets: object) -> None:
    np.save(whole / "offsets.npy", np.array(offsets))
    with pytest.raises(DataError, match="offsets"):
        read_prepared(whole)


def test_the_error_names_a_damaged_description(folder) -> None:
    (folder / "meta.json").write_text('{"corpus": 1}')
    with pytest.raises(DataError, match=r"meta\.json"):
        read_meta(folder)


def test_sequences_of_different_lengths_are_read_as_written(whole) -> None:
    data = read_prepared(whole)
    x = data.samples.x
    assert isinstance(x, Ragged)
    assert [x[i].tolist() for i in range(3)] == WHOLE_TEXTS
    assert (x.values.dtype, x.lengths.tolist()) == (np.uint16, [3, 0, 1])
    assert data.part(0, "evaluation").x[0].tolist() == [2]


def test_the_summary_counts_each_part_and_further_set(folder) -> None:
    summary = read_summary(folder)
    sizes = summary.training_samples, summary.validation_samples, summary.evaluation_samples
    assert (summary.protocol, summary.splits, sizes) == ("random", 2, (1, 1, 1))
    assert summary.further_samples == {"other": 3}
    assert summary.distinct_targets == 2


def test_evaluation_samples_seen_in_training_are_flagged_in_each_split(tmp_path) -> None:
    x = np.array([[1, 2, 3], [4, 5, 6], [1, 2, 3], [4, 5, 7], [4, 5, 6]], np.uint16)
    splits = [
        [TRAIN, TRAIN, EVALUATION, EVALUATION, EVALUATION],
        [TRAIN, EVALUATION, EVALUATION, TRAIN, VALIDATION],
    ]
    write(tmp_path, FIXED, x, splits)
    flagged = read_targets(tmp_path).splits & DUPLICATE
    assert [np.flatnonzero(split).tolist() for split in flagged] == [[2, 4], [2]]
    assert read_summary(tmp_path).also_in_training == 1.5


def test_ragged_samples_seen_in_training_are_flagged_too(tmp_path) -> None:
    x = ragged([[1, 2], [3], [1], [2, 3], [3]])
    write(tmp_path, WHOLE, x, [[TRAIN] * 2 + [EVALUATION] * 3])
    assert np.flatnonzero(read_targets(tmp_path).splits[0] & DUPLICATE).tolist() == [4]


def test_samples_in_both_parts_are_duplicates(tmp_path) -> None:
    write(tmp_path, FIXED, np.eye(3, dtype=np.uint8), [[TRAIN | EVALUATION] * 3])
    data = read_prepared(tmp_path)
    assert read_summary(tmp_path).also_in_training == 3
    assert len(data.part(0, "train")) == len(data.part(0, "evaluation")) == 3
