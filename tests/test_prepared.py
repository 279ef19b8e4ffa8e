import numpy as np
import pytest

from rnnbench.errors import DataError
from rnnbench.prepared import Ragged, Samples, read_meta, read_samples, write_samples


@pytest.fixture
def folder(tmp_path):
    samples = Samples(np.eye(3, dtype=np.uint8), np.array([0, 1, 0]), np.arange(3, dtype=np.int32))
    write_samples(tmp_path, "train", samples)
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


def test_arrays_of_different_length_are_refused(folder) -> None:
    np.save(folder / "train_y.npy", np.zeros(2))
    with pytest.raises(DataError, match="differ in length"):
        read_samples(folder, "train")


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


def test_sequences_of_different_lengths_are_read_as_written(tmp_path) -> None:
    texts = [np.array([3, 1, 300]), np.array([], dtype=int), np.array([2])]
    samples = Samples(Ragged.of(texts, depth=301), np.zeros(3), np.arange(3, dtype=np.int32))
    write_samples(tmp_path, "train", samples)
    x = read_samples(tmp_path, "train").x
    assert isinstance(x, Ragged)
    assert [x[i].tolist() for i in range(3)] == [[3, 1, 300], [], [2]]
    assert (x.values.dtype, x.lengths.tolist()) == (np.uint16, [3, 0, 1])


def test_a_padded_batch_has_zeros_behind_and_cuts_there() -> None:
    x = Ragged.of([np.array([1, 2, 3]), np.array([4])], depth=5)
    assert x.padded(np.array([1, 0]), 2).tolist() == [[4, 0], [1, 2]]
