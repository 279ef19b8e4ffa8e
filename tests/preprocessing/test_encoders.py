import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.core.errors import DataError
from rnnbench.data.config import TextDataset
from rnnbench.preprocessing import subwords
from rnnbench.preprocessing.encoders import SubwordEncoder, WordEncoder, read_encoder


def dataset(**changes: object) -> TextDataset:
    values = {
        "corpus": "imdb",
        "encoding": "index",
        "vocabulary_size": 7,
        "length": 4,
        "train": 1,
        "evaluation": 1,
    }
    return TextDataset(**(values | changes))


def encoder(**changes: object) -> WordEncoder:
    return WordEncoder(dataset(**changes), "utf-8", {}, WORDS)


WORDS = ("the", "film", "good")  # ids 4, 5, 6


def test_unknown_words_and_the_start_token_are_dropped() -> None:
    assert encoder().encode(["A GOOD film, zebra!", "", "😀"]).tolist() == [
        [0, 0, 6, 5],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_unknown_words_and_the_start_token_can_be_stored() -> None:
    x = encoder(drop_ids_up_to=0, padding="post").encode(["good zebra"])
    assert x.tolist() == [[1, 6, 2, 0]]


def test_skip_top_leaves_out_the_most_frequent_words() -> None:
    assert encoder(skip_top=5).encode(["the good film"]).tolist() == [[0, 0, 6, 5]]


# The first call imports Keras.
@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=12), max_size=5),
    st.integers(1, 8),
    st.sampled_from(["pre", "post"]),
)
def test_padding_equals_that_of_keras(texts: list[list[str]], length: int, padding: str) -> None:
    from keras.utils import pad_sequences

    ours = encoder(length=length, padding=padding).encode(map(" ".join, texts))
    ids = [[WORDS.index(word) + 4 for word in text] for text in texts]
    theirs = pad_sequences(ids, maxlen=length, padding=padding, truncating=padding)
    np.testing.assert_array_equal(ours, theirs.reshape(-1, length))


def test_numbers_have_an_axis_for_features() -> None:
    assert encoder(encoding="number").encode(["good"]).tolist() == [[[0], [0], [0], [6]]]


def test_without_a_length_texts_stay_whole() -> None:
    x = encoder(length=None).encode(["the good good film the film", ""])
    assert [x[i].tolist() for i in range(2)] == [[4, 6, 6, 5, 4, 5], []]


def test_multi_hot_has_each_id_once() -> None:
    x = encoder(encoding="multi_hot", length=None).encode(["the good good film the"])
    assert x[0].tolist() == [4, 5, 6]


def test_without_a_vocabulary_size_every_word_has_an_id() -> None:
    assert encoder(vocabulary_size=None).vocabulary_size == 7


def test_decode_returns_the_words() -> None:
    assert encoder().decode(encoder().encode(["good film"])[0]) == ["good", "film"]
    with_unknown = encoder(drop_ids_up_to=0)
    assert with_unknown.decode(with_unknown.encode(["good zebra"])[0]) == ["good", "?"]


ESCAPES = {"<": "&lt;", "&": "&amp;"}


def test_new_text_is_escaped_as_the_files_are() -> None:
    words = WordEncoder(dataset(), "latin-1", ESCAPES, ("lt", "amp", "good"))
    assert words.encode(["<good>", "good & <"]).tolist() == [[0, 0, 4, 6], [0, 6, 5, 4]]
    whole = dataset(tokens="subwords", vocabulary_size=256, length=None)
    bytewise = SubwordEncoder(whole, "latin-1", ESCAPES, (), subwords.train([], 256))
    assert bytewise.text(bytewise.encode(["é < 漢 \ud83d"])[0]) == "é &lt; ? ?"


def test_an_encoder_reads_what_it_wrote(tmp_path) -> None:
    encoder().write(tmp_path)
    assert read_encoder(tmp_path) == encoder()


def test_subwords_are_read_as_written_and_lossless(tmp_path) -> None:
    text = "A  good film — 😀\n"
    whole = dataset(tokens="subwords", vocabulary_size=300, length=None)
    learned = subwords.train([text, "the film"], 300)
    written = SubwordEncoder(whole, "utf-8", {}, (), learned)
    written.write(tmp_path)
    again = read_encoder(tmp_path)
    ids = again.encode([text])[0]
    assert ids.tolist() == written.encode([text])[0].tolist()
    assert again.text(ids) == text
    assert len(again.decode(ids)) == len(ids)
    assert " film" in again.decode(np.pad(ids, (2, 1)))
    assert again.vocabulary_size == written.vocabulary_size == learned.get_vocab_size() + 1


def test_the_error_names_a_damaged_encoder(tmp_path) -> None:
    (tmp_path / "encoder.json").write_text("[")
    with pytest.raises(DataError, match=r"encoder\.json"):
        read_encoder(tmp_path)
