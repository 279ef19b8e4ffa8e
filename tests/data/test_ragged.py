import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.data import ragged
from rnnbench.data.ragged import Ragged, concatenate, mask_values, pad, select, truncate, unique

SIZE = 1000
lists = st.lists(st.lists(st.integers(1, SIZE - 1), max_size=12), min_size=1, max_size=5)


def packed(sequences: list[list[int]]) -> Ragged:
    return Ragged.of([np.array(s, np.int32) for s in sequences], SIZE)


def unpacked(x: Ragged) -> list[list[int]]:
    return [x[row].tolist() for row in range(len(x))]


@pytest.fixture(params=[2, 10_000], autouse=True, scope="module")
def block(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ragged, "_BLOCK", request.param)
        yield


# The first call imports Keras.
@settings(deadline=None)
@given(lists, st.integers(1, 8), st.sampled_from(["pre", "post"]))
def test_pad_equals_keras(sequences: list[list[int]], length: int, side: str) -> None:
    from keras.utils import pad_sequences

    ours = pad(packed(sequences), length, side)
    theirs = pad_sequences(sequences, maxlen=length, padding=side, truncating=side)
    np.testing.assert_array_equal(ours, theirs)


@given(lists, st.data())
def test_operations_equal_loops_over_the_sequences(
    sequences: list[list[int]], data: st.DataObject
) -> None:
    x = packed(sequences)
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1)))
    assert unpacked(select(x, np.array(rows, np.int64))) == [sequences[row] for row in rows]
    odd = [[value for value in s if value % 2] for s in sequences]
    assert unpacked(mask_values(x, x.values % 2 == 1)) == odd
    length = data.draw(st.integers(1, 8))
    assert unpacked(truncate(x, length, "pre")) == [s[-length:] for s in sequences]
    assert unpacked(truncate(x, length, "post")) == [s[:length] for s in sequences]
    assert unpacked(unique(x)) == [sorted(set(s)) for s in sequences]
    assert unpacked(concatenate([x, x], SIZE)) == sequences + sequences


@pytest.mark.parametrize(
    ("vocabulary_size", "dtype"), [(256, "uint8"), (257, "uint16"), (70000, "uint32")]
)
def test_ids_have_the_smallest_dtype(vocabulary_size: int, dtype: str) -> None:
    one = Ragged(np.array([vocabulary_size - 1], np.int32), np.array([0, 1]))
    joined = concatenate([one, one], vocabulary_size).values
    for stored in (pad(concatenate([one], vocabulary_size), 2, "pre"), joined):
        assert stored.dtype == dtype
        assert stored.max() == vocabulary_size - 1


def test_no_parts_are_no_sequences() -> None:
    assert len(concatenate([], SIZE)) == 0


def test_a_padded_batch_is_padded_and_truncated_at_the_end() -> None:
    x = packed([[1, 2, 3], [4]])
    assert x.padded(np.array([1, 0]), 2).tolist() == [[4, 0], [1, 2]]
