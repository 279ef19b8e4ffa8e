import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rnnbench.core.errors import DataError
from rnnbench.preprocessing.subwords import decode, encode, read, train, write

SENTENCE = "the film was a very good bad long short café naïve plot, actor's 10/10 <br /> 🎉 !"


def sentences(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    words = SENTENCE.split()
    return [" ".join(rng.choice(words, size=rng.integers(3, 15))) for _ in range(count)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(sentences(300), 310)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a new process, with only the given settings of the library."""
    inherited = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )


# Text to ids and back


@settings(deadline=None)
@given(st.text())
@example("")
@example("\0\n\r\n\t\x85\u2028")
@example("  two  spaces,   three ")
@example("🎉👩‍👩‍👧 e\u0301 \u00e9 ﬁ İ")
@example("<pad><s>[UNK]</s><|endoftext|>Ġ")
def test_decoding_restores_any_text(tokenizer: Tokenizer, text: str) -> None:
    (ids,) = encode(tokenizer, [text])
    assert decode(tokenizer, ids) == text
    assert ids.dtype == np.int32
    assert ids.ndim == 1
    assert ((ids >= 1) & (ids <= 310)).all()


def test_frequent_words_are_single_subwords(tokenizer: Tokenizer) -> None:
    frequent, unseen = encode(tokenizer, ["a very good", "zqj"])
    assert len(frequent) == 3
    assert len(unseen) == 3


def test_a_text_has_the_same_ids_in_any_batch(tokenizer: Tokenizer) -> None:
    texts = [*sentences(7), ""] * 200
    single = [next(encode(tokenizer, [text])).tolist() for text in texts[:8]]
    assert [ids.tolist() for ids in encode(tokenizer, texts)] == single * 200
    assert list(encode(tokenizer, [])) == []


def test_padding_at_the_ends_is_no_text(tokenizer: Tokenizer) -> None:
    (ids,) = encode(tokenizer, ["a long plot"])
    assert decode(tokenizer, np.pad(ids, (3, 2)).astype(np.uint16)) == "a long plot"
    assert decode(tokenizer, np.zeros(2, np.uint16)) == ""


def test_part_of_a_character_is_a_replacement_character(tokenizer: Tokenizer) -> None:
    (ids,) = encode(tokenizer, ["漢"])
    assert [decode(tokenizer, ids[[i]]) for i in range(3)] == ["\ufffd"] * 3
    assert decode(tokenizer, ids[:2]) == "\ufffd"


# Training


def test_the_highest_id_is_the_number_of_subwords(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == 310
    assert np.concatenate([*encode(tokenizer, sentences(300))]).max() == 310


def test_a_pair_that_occurs_once_is_no_subword() -> None:
    sizes = [train(iter(texts), 1000).get_vocab_size() for texts in (["ab", "cd"], ["ab"] * 2, [])]
    assert sizes == [256, 257, 256]


def test_training_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    # All pairs of letters are equally frequent: only the order of ties decides.
    code = (
        "import itertools, pathlib\n"
        "from rnnbench.preprocessing.subwords import decode, encode, train, write\n"
        "texts = [a + b for a, b in itertools.permutations('abcdefghijkl', 2)] * 2\n"
        "write(train(texts, 300), pathlib.Path({!r}))"
    )
    for seed in ("0", "1"):
        run(code.format(str(tmp_path / seed)), PYTHONHASHSEED=seed)
    first, second = (path.read_bytes() for path in tmp_path.iterdir())
    assert first == second
    assert len(json.loads(first)["model"]["merges"]) == 44


def test_a_fork_is_silent() -> None:
    code = (
        "import os; from rnnbench.preprocessing.subwords import decode, encode, train, write\n"
        "tokenizer = train(['a b', 'b a'], 256)\n"
        "child = os.fork()\n"
        "child and os.waitpid(child, 0)\n"
        "print(decode(tokenizer, next(encode(tokenizer, ['a']))))"
    )
    result = run(code)
    assert result.stdout.split() == ["a", "a"]
    assert result.stderr == ""


# The file


def test_a_tokenizer_is_read_as_written(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    write(tokenizer, path)
    again = read(path)
    texts = sentences(20)
    for ids, expected in zip(encode(again, texts), encode(tokenizer, texts), strict=True):
        assert ids.tolist() == expected.tolist()
    write(again, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damaged", [None, b"{}", b"\xff"])
def test_the_error_names_a_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if damaged is not None:
        path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"tokenizer\.json.*; run dvc repro"):
        read(path)
