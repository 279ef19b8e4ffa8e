import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.core.errors import DataError
from rnnbench.preprocessing.subwords import SubwordTokenizer

SENTENCE = "the film was a very good bad long short café naïve plot, actor's 10/10 <br /> 🎉 !"


def sentences(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    words = SENTENCE.split()
    return [" ".join(rng.choice(words, size=rng.integers(3, 15))) for _ in range(count)]


@pytest.fixture(scope="module")
def tokenizer() -> SubwordTokenizer:
    return SubwordTokenizer.train(sentences(300), 310)


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
def test_decoding_restores_any_text(tokenizer: SubwordTokenizer, text: str) -> None:
    (ids,) = tokenizer.encode([text])
    assert tokenizer.decode(ids) == text
    assert ids.dtype == np.int32
    assert ids.ndim == 1
    assert ((ids >= 1) & (ids < tokenizer.vocabulary_size)).all()


def test_frequent_words_are_single_subwords(tokenizer: SubwordTokenizer) -> None:
    frequent, unseen = tokenizer.encode(["a very good", "zqj"])
    assert len(frequent) == 3
    assert len(unseen) == 3


def test_a_text_has_the_same_ids_in_any_batch(tokenizer: SubwordTokenizer) -> None:
    texts = [*sentences(7), ""]
    single = [tokenizer.encode([text])[0].tolist() for text in texts]
    assert [ids.tolist() for ids in tokenizer.encode(texts)] == single
    assert tokenizer.encode([]) == []


def test_padding_at_the_ends_is_no_text(tokenizer: SubwordTokenizer) -> None:
    (ids,) = tokenizer.encode(["a long plot"])
    padded = np.pad(ids, (3, 2)).astype(np.uint16)
    assert tokenizer.decode(padded) == "a long plot"
    assert tokenizer.pieces(padded) == tokenizer.pieces(ids.tolist())
    assert tokenizer.decode([0, 0]) == ""
    assert tokenizer.pieces([]) == []


def test_pieces_are_readable_text(tokenizer: SubwordTokenizer) -> None:
    (ids,) = tokenizer.encode(["a very café\n"])
    pieces = tokenizer.pieces(ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == "a very café\n"
    assert " very" in pieces


def test_part_of_a_character_is_a_replacement_character(tokenizer: SubwordTokenizer) -> None:
    (ids,) = tokenizer.encode(["漢"])
    assert tokenizer.pieces(ids) == ["\ufffd"] * 3
    assert tokenizer.decode(ids[:2]) == "\ufffd"


def test_a_lone_surrogate_is_read_as_a_question_mark(tokenizer: SubwordTokenizer) -> None:
    with_surrogate, with_mark = tokenizer.encode(["a\ud83d b", "a? b"])
    assert with_surrogate.tolist() == with_mark.tolist()
    assert SubwordTokenizer.train(["\udc00"], 256).vocabulary_size == 257


@pytest.mark.parametrize("ids", [[1, 0, 1], [1, 311], [-1]])
def test_the_error_names_an_id_that_is_no_subword(
    tokenizer: SubwordTokenizer, ids: list[int]
) -> None:
    unknown = next(i for i in ids if i != 1)
    for decode in (tokenizer.decode, tokenizer.pieces):
        with pytest.raises(DataError, match=f"id {unknown}: expected 1 to 310; run dvc repro"):
            decode(ids)


# Training


def test_vocabulary_size_counts_the_subwords_and_padding(tokenizer: SubwordTokenizer) -> None:
    assert tokenizer.vocabulary_size == 311
    ids = np.concatenate(tokenizer.encode(sentences(300)))
    assert ids.max() == 310


def test_a_pair_that_occurs_once_is_no_subword() -> None:
    assert SubwordTokenizer.train(["ab", "cd"], 1000).vocabulary_size == 257
    assert SubwordTokenizer.train(iter(["ab", "ab"]), 1000).vocabulary_size == 258
    assert SubwordTokenizer.train([], 256).vocabulary_size == 257


def test_a_vocabulary_too_small_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="vocabulary_size 255, expected 256 or more"):
        SubwordTokenizer.train(["ab"], 255)


def test_training_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    # All pairs of letters are equally frequent: only the order of ties decides.
    code = (
        "import itertools, pathlib\n"
        "from rnnbench.preprocessing.subwords import SubwordTokenizer\n"
        "texts = [a + b for a, b in itertools.permutations('abcdefghijkl', 2)] * 2\n"
        "SubwordTokenizer.train(texts, 300).write(pathlib.Path({!r}))"
    )
    for seed in ("0", "1"):
        run(code.format(str(tmp_path / seed)), PYTHONHASHSEED=seed)
    first, second = (path.read_bytes() for path in tmp_path.iterdir())
    assert first == second
    assert len(json.loads(first)["model"]["merges"]) == 44


def test_a_fork_is_silent() -> None:
    code = (
        "import os; from rnnbench.preprocessing.subwords import SubwordTokenizer\n"
        "tokenizer = SubwordTokenizer.train(['a b', 'b a'], 256)\n"
        "child = os.fork()\n"
        "child and os.waitpid(child, 0)\n"
        "print(tokenizer.decode(tokenizer.encode(['a'])[0]))"
    )
    result = run(code)
    assert result.stdout.split() == ["a", "a"]
    assert result.stderr == ""


# The file


def test_a_tokenizer_is_read_as_written(tokenizer: SubwordTokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.write(path)
    again = SubwordTokenizer.read(path)
    texts = sentences(20)
    for ids, expected in zip(again.encode(texts), tokenizer.encode(texts), strict=True):
        assert ids.tolist() == expected.tolist()
    assert again.vocabulary_size == tokenizer.vocabulary_size
    again.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "damaged",
    [None, b"{}", b"\xff", b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}'],
)
def test_the_error_names_a_damaged_file(tmp_path: Path, damaged: bytes | None) -> None:
    path = tmp_path / "tokenizer.json"
    if damaged is not None:
        path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"tokenizer\.json.*; run dvc repro"):
        SubwordTokenizer.read(path)
