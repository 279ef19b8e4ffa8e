import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.encode import TextEncoder, pad
from rnnbench.errors import DataError
from rnnbench.prepared import Meta, write_meta


def meta(**changes: object) -> Meta:
    values = {
        "corpus": "imdb",
        "encoding": "index",
        "target": "binary",
        "classes": ("negative", "positive"),
        "shape": (4,),
        "depth": 7,
        "skip_top": 0,
        "padding": "pre",
        "text_encoding": "utf-8",
        "majority": 0.5,
    }
    return Meta(**(values | changes))


WORDS = ("the", "film", "good")  # ids 4, 5, 6


@given(
    st.lists(st.lists(st.integers(1, 999), max_size=12), min_size=1, max_size=5),
    st.integers(1, 8),
    st.sampled_from(["pre", "post"]),
)
def test_pad_equals_keras(sequences: list[list[int]], length: int, side: str) -> None:
    from keras.utils import pad_sequences

    arrays = [np.array(s, dtype=np.int32) for s in sequences]
    ours = pad(arrays, len(arrays), length, side, depth=1000)
    theirs = pad_sequences(sequences, maxlen=length, padding=side, truncating=side)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("depth", "dtype"), [(256, "uint8"), (257, "uint16"), (70000, "uint32")])
def test_ids_are_stored_in_the_smallest_type(depth: int, dtype: str) -> None:
    padded = pad([np.array([depth - 1], dtype=np.int32)], 1, 2, "pre", depth)
    assert padded.dtype == dtype
    assert padded.tolist() == [[0, depth - 1]]


def test_unknown_words_and_the_start_token_are_dropped() -> None:
    encoder = TextEncoder(meta(), WORDS)
    assert encoder.encode(["A GOOD film, zebra!", "", "😀"]).tolist() == [
        [0, 0, 6, 5],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_skip_top_leaves_out_the_most_frequent_words() -> None:
    assert TextEncoder(meta(skip_top=5), WORDS).encode(["the good film"]).tolist() == [[0, 0, 6, 5]]


def test_decode_gives_the_words_back() -> None:
    encoder = TextEncoder(meta(), WORDS)
    assert encoder.decode(encoder.encode(["good film"])[0]) == ["good", "film"]


def test_an_encoder_reads_what_it_wrote(tmp_path) -> None:
    encoder = TextEncoder(meta(), WORDS)
    write_meta(tmp_path, encoder.meta)
    encoder.write(tmp_path)
    assert TextEncoder.read(tmp_path) == encoder


def test_a_damaged_vocabulary_is_told(tmp_path) -> None:
    write_meta(tmp_path, meta())
    (tmp_path / "vocabulary.json").write_text("[")
    with pytest.raises(DataError, match=r"vocabulary\.json"):
        TextEncoder.read(tmp_path)
