import numpy as np
import pytest

from rnnbench.errors import DataError
from rnnbench.prepared import Samples, read_meta, read_samples, write_samples


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
