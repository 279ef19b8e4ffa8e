import numpy as np
import pytest

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.serving.predict import Predictor, load_predictor
from tests.frozen import PARAMS


def probabilities(texts: list[str]) -> np.ndarray:
    """Three classes: "good" speaks for the second, "bad" for the third."""
    points = np.array([[0.5, t.split().count("good"), t.split().count("bad")] for t in texts])
    return np.exp(points) / np.exp(points).sum(axis=1, keepdims=True)


PREDICTOR = Predictor("any", probabilities, ("none", "praise", "blame"))


def test_every_text_gets_its_answer_in_order() -> None:
    texts = ["good", "bad bad", ""] * 50
    found = list(PREDICTOR.answers(texts))
    assert [answer.text for answer in found] == texts
    assert [answer.label for answer in found] == ["praise", "blame", "none"] * 50
    assert found[0].probability == pytest.approx(probabilities(["good"])[0, 1])


def test_no_text_has_no_answer() -> None:
    assert list(PREDICTOR.answers([])) == []


def test_words_that_speak_for_the_answer_have_a_positive_effect() -> None:
    words = PREDICTOR.words("a good  good bad film")
    assert [word.text for word in words] == ["a", "good", "good", "bad", "film"]
    effects = [word.effect for word in words]
    assert effects[1] == effects[2] > 0 > effects[3]
    assert effects[0] == effects[4] == 0


def test_a_long_text_is_explained_too() -> None:
    words = PREDICTOR.words("good " * 200)
    assert len(words) == 200


def test_an_empty_text_has_no_words() -> None:
    assert PREDICTOR.words("") == []


@pytest.mark.parametrize(
    ("task", "variant", "told"),
    [
        ("imbd", None, "mean 'imdb'"),
        ("product", None, "imdb, reuters"),
        (None, "product_gru", "does not read text"),
        (None, "imdb_embeding_gru", "mean 'imdb_embedding_gru'"),
        ("reuters", None, "no champion"),
        (None, "imdb_embedding_gru", "rnnbench sync"),
    ],
)
def test_what_cannot_answer_is_told(tmp_path, monkeypatch, task, variant, told: str) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    with pytest.raises((DataError, UnknownNameError), match=told):
        load_predictor(Workspace(tmp_path), PARAMS, task, variant)
