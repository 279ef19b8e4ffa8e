import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.data.ragged import Ragged, chosen, cut, distinct, joined, kept, pad

DEPTH = 1000
lists = st.lists(st.lists(st.integers(1, DEPTH - 1), max_size=12), min_size=1, max_size=5)


def ragged(sequences: list[list[int]]) -> Ragged:
    return Ragged.of([np.array(s, np.int32) for s in sequences], DEPTH)


def unpacked(x: Ragged) -> list[list[int]]:
    return [x[row].tolist() for row in range(len(x))]


# The first call imports Keras.
@settings(deadline=None)
@given(lists, st.integers(1, 8), st.sampled_from(["pre", "post"]))
def test_pad_equals_keras(sequences: list[list[int]], length: int, side: str) -> None:
    from keras.utils import pad_sequences

    ours = pad(ragged(sequences), length, side, DEPTH)
    theirs = pad_sequences(sequences, maxlen=length, padding=side, truncating=side)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("vocabulary_size", "dtype"), [(256, "uint8"), (257, "uint16"), (70000, "uint32")]
)
def test_ids_are_stored_in_the_smallest_type(vocabulary_size: int, dtype: str) -> None:
    one = Ragged(np.array([vocabulary_size - 1], np.int32), np.array([0, 1]))
    for stored in (pad(one, 2, "pre", vocabulary_size), joined([one, one], vocabulary_size).values):
        assert stored.dtype == dtype
        assert stored.tolist() in ([[0, vocabulary_size - 1]], [vocabulary_size - 1] * 2)


@given(lists, st.data())
def test_everything_is_what_a_loop_over_the_sequences_gives(
    sequences: list[list[int]], data: st.DataObject
) -> None:
    x = ragged(sequences)
    rows = data.draw(st.lists(st.integers(0, len(sequences) - 1)))
    assert unpacked(chosen(x, np.array(rows, np.int64))) == [sequences[row] for row in rows]
    odd = [[value for value in s if value % 2] for s in sequences]
    assert unpacked(kept(x, x.values % 2 == 1)) == odd
    length = data.draw(st.integers(1, 8))
    assert unpacked(cut(x, length, "pre")) == [s[-length:] for s in sequences]
    assert unpacked(cut(x, length, "post")) == [s[:length] for s in sequences]
    assert unpacked(distinct(x)) == [sorted(set(s)) for s in sequences]
    assert unpacked(joined([x, x], DEPTH)) == sequences + sequences


def test_no_sequences_are_no_sequences() -> None:
    assert len(joined([], DEPTH)) == 0
