import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.data.format import Meta, Samples, read_meta, read_samples, write_meta, write_samples
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
    write_meta(tmp_path, FIXED)
    return tmp_path


@pytest.fixture
def whole(tmp_path):
    texts = [np.array([3, 1, 300]), np.array([], dtype=int), np.array([2])]
    x, y = Ragged.of(texts, vocabulary_size=301), np.zeros(3, np.uint8)
    write_samples(tmp_path, "train", Samples(x, y, np.arange(3, dtype=np.int32)))
    write_meta(tmp_path, WHOLE)
    return tmp_path


def test_samples_are_read_as_written(folder) -> None:
    samples = read_samples(folder, "train")
    assert samples.x.tolist() == np.eye(3).tolist()
    assert samples.y.tolist() == [0, 1, 0]


@pytest.mark.parametrize("content", [b"", b"junk", b"\x93NUMPY\x01\x00"])
def test_a_damaged_array_is_told_by_name(folder, content: bytes) -> None:
    (folder / "train_y.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"train_y\.npy"):
        read_samples(folder, "train")


def test_a_pickle_is_never_opened(folder) -> None:
    np.save(folder / "train_y.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"train_y\.npy"):
        read_samples(folder, "train")


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("y", np.zeros(2, int), "different lengths"),
        ("y", np.zeros((3, 3), int), "different lengths"),
        ("id", np.zeros(3), "different lengths"),
        ("y", np.array([0, 1, 2]), "targets out of range"),
        ("y", np.zeros(3), "targets out of range"),
        ("x", np.full((3, 3), 301), "samples out of range"),
        ("x", np.full((3, 3), -1), "samples out of range"),
        ("x", np.zeros((3, 3)), "samples out of range"),
        ("x", np.zeros((3, 4), int), "samples of shape"),
        ("x", np.array(1), "samples of shape"),
        ("offsets", np.arange(4), "samples of another kind"),
    ],
)
def test_readable_arrays_that_contradict_the_description_are_refused(
    folder, name: str, array: np.ndarray, problem: str
) -> None:
    np.save(folder / f"train_{name}.npy", array)
    with pytest.raises(DataError, match=problem):
        read_samples(folder, "train")


@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [1, 3, 3, 4], [0, 3, 3, 5], [], 0, [0.0, 4.0]])
def test_offsets_that_do_not_divide_the_samples_are_refused(whole, offsets: object) -> None:
    np.save(whole / "train_offsets.npy", np.array(offsets))
    with pytest.raises(DataError, match="offsets"):
        read_samples(whole, "train")


def test_a_damaged_description_is_told(folder) -> None:
    (folder / "meta.json").write_text('{"corpus": 1}')
    with pytest.raises(DataError, match=r"meta\.json"):
        read_meta(folder)


def test_an_archive_in_place_of_an_array_is_refused(folder) -> None:
    for content in (b"PK\x03\x04junk", None):
        path = folder / "train_y.npy"
        if content is None:
            with path.open("wb") as file:
                np.savez(file, y=np.zeros(3))
        else:
            path.write_bytes(content)
        with pytest.raises(DataError, match=r"train_y\.npy"):
            read_samples(folder, "train")


def test_sequences_of_different_lengths_are_read_as_written(whole) -> None:
    x = read_samples(whole, "train").x
    assert isinstance(x, Ragged)
    assert [x[i].tolist() for i in range(3)] == [[3, 1, 300], [], [2]]
    assert (x.values.dtype, x.lengths.tolist()) == (np.uint16, [3, 0, 1])


def test_a_padded_batch_has_zeros_behind_and_cuts_there() -> None:
    x = Ragged.of([np.array([1, 2, 3]), np.array([4])], vocabulary_size=5)
    assert x.padded(np.array([1, 0]), 2).tolist() == [[4, 0], [1, 2]]
