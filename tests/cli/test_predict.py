import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner

from rnnbench.cli.main import main
from rnnbench.serving import predict as predictors
from rnnbench.serving.predict import Predictor


def probabilities(texts: list[str]) -> np.ndarray:
    p = np.array([min(0.9, 0.4 + 0.3 * t.count("good")) for t in texts])
    return np.stack([1 - p, p], axis=1)


@pytest.fixture
def ask(monkeypatch):
    """Runs `rnnbench predict`."""
    predictor = Predictor("imdb_any", probabilities, ("negative", "positive"))
    monkeypatch.setattr(predictors, "load_predictor", lambda *_: predictor)

    def run(*arguments: str, **options: object):
        return CliRunner().invoke(main, ["predict", *arguments], **options)

    return run


def test_each_text_gets_a_line(ask) -> None:
    result = ask("good film", "film")
    assert "imdb_any" in result.stderr
    assert result.stdout.splitlines() == [
        "positive  0.7000  good film",
        "negative  0.6000  film",
    ]


def test_lines_of_standard_input_and_of_a_file_are_texts(ask, tmp_path) -> None:
    path = tmp_path / "texts"
    path.write_bytes("good\nbad \u2028 x\n".encode())
    assert len(ask("--file", str(path)).stdout.splitlines()) == 2
    assert len(ask(input=path.read_bytes()).stdout.splitlines()) == 2
    assert len(ask("first", "--file", "-", input="second\n").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfgood\nb\xc3\xa4d\n",
        b"good\r\nb\xc3\xa4d",
        "good\r\nbäd\r\n".encode("utf-16"),
        "\ufeffgood\nbäd\n".encode("utf-16-be"),
        "good\nbäd\n".encode("utf-32"),
        "\ufeffgood\nbäd\n".encode("utf-32-be"),
    ],
    ids=["mark", "crlf", "utf-16", "utf-16-be", "utf-32", "utf-32-be"],
)
def test_marks_and_line_ends_are_no_part_of_a_text(ask, content: bytes) -> None:
    lines = ask("--json", "--file", "-", input=content).stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["good", "bäd"]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("good\r\nfine\r\nbäd\n".encode("latin1"), 3, "is not UTF-8"),
        ("good\rbäd\n".encode("latin1"), 2, "is not UTF-8"),
        ("good\nbä".encode()[:-1], 2, "is not UTF-8"),
        (b"\xef\xbb\xbfgood\n\xff", 2, "is not UTF-8"),
        ("good\nbäd".encode("utf-16")[:-1], 2, "is not UTF-16"),
        ("\u0a0a\n".encode("utf-16") + b"\0\xdc", 2, "is not UTF-16"),
        ("good\n".encode("utf-32") + b"\xff" * 4, 2, "is not UTF-32"),
        ("good".encode("utf-16-le"), 1, "has a NUL character"),
        (b"good\nfine\0\n", 2, "has a NUL character"),
        (gzip.compress(b"good\n"), 1, "is not UTF-8"),
    ],
)
def test_a_file_in_another_encoding_is_one_error_with_the_line_and_what_to_do(
    ask, tmp_path, content: bytes, line: int, problem: str
) -> None:
    path = tmp_path / "texts"
    path.write_bytes(content)
    for result, name in (
        (ask("first", "--file", str(path)), str(path)),
        (ask(input=content), "<stdin>"),
    ):
        assert (result.exit_code, result.stdout) == (1, "")
        (error,) = result.stderr.splitlines()
        assert error.startswith(f"error: {name}: line {line} {problem}; ")
        assert "iconv -f " in error


def test_empty_lines_are_skipped_and_counted(ask) -> None:
    result = ask(input="\ngood\n \t\nfilm\n\n")
    assert len(result.stdout.splitlines()) == 2
    assert "3 empty lines are skipped" in result.stderr
    assert "skipped" not in ask(input="good\n").stderr
    assert len(ask("").stdout.splitlines()) == 1


def test_unusual_characters_and_lengths_are_texts(ask) -> None:
    assert len(ask(input=b"a\x01b\n" + b"good " * 100_000).stdout.splitlines()) == 2
    # As the shell passes a byte that is no UTF-8.
    assert ask("bad \udcff").stdout == "negative  0.6000  bad \ufffd\n"


def test_json_is_one_object_per_text(ask) -> None:
    (line,) = ask("--json", "--explain", "good 😀").stdout.splitlines()
    entry = json.loads(line)
    assert (entry["text"], entry["label"]) == ("good 😀", "positive")
    assert entry["variant"] == "imdb_any"
    assert [word["text"] for word in entry["words"]] == ["good", "😀"]
    assert entry["words"][0]["effect"] == pytest.approx(0.3)


def test_words_that_change_the_prediction_are_coloured(ask) -> None:
    plain = ask("--explain", "a good film").stdout
    assert plain == "positive  0.7000  a good(+0.300) film\n"
    coloured = ask("--explain", "a good film", color=True).stdout
    assert "\x1b[32m\x1b[1mgood(+0.300)\x1b[0m" in coloured


def test_a_task_and_a_variant_exclude_each_other(ask) -> None:
    result = ask("--task", "imdb", "--variant", "imdb_embedding_lstm", "text")
    assert result.exit_code == 2
    assert "either --task or --variant" in result.stderr
