import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.ragged import Ragged

lists = st.lists(st.lists(st.integers(1, 999), max_size=12), min_size=1, max_size=5)


def packed(sequences: list[list[int]]) -> Ragged:
    return Ragged.of([np.array(s, np.int32) for s in sequences], 1000)


@given(lists, st.integers(1, 8), st.data())
def test_rows_are_padded_and_truncated_at_the_end(
    sequences: list[list[int]], length: int, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1)))
    found = packed(sequences).padded_batch(np.array(rows, np.int64), length)
    assert found.shape == (len(rows), length)
    assert found.tolist() == [(sequences[row] + [0] * length)[:length] for row in rows]


@given(lists, st.data())
def test_sequences_are_taken_in_the_requested_order(
    sequences: list[list[int]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1)))
    found = packed(sequences).take(np.array(rows, np.int64))
    assert [found[row].tolist() for row in range(len(found))] == [sequences[row] for row in rows]


def test_sequences_are_read_as_packed() -> None:
    x = packed([[1, 2, 3], [], [4]])
    assert [x[row].tolist() for row in range(len(x))] == [[1, 2, 3], [], [4]]
    assert x.lengths.tolist() == [3, 0, 1]
    assert len(packed([])) == 0


@pytest.mark.parametrize(
    ("vocabulary_size", "dtype"), [(256, "uint8"), (257, "uint16"), (70000, "uint32")]
)
def test_ids_have_the_smallest_dtype(vocabulary_size: int, dtype: str) -> None:
    x = Ragged.of([np.array([vocabulary_size - 1])], vocabulary_size)
    for stored in (x.values, x.padded_batch(np.array([0]), 2)):
        assert stored.dtype == dtype
        assert stored.max() == vocabulary_size - 1
