import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.serving.predict import Predictor, load_predictor
from tests.frozen import PARAMS, PARAMS_FILE
from tests.stores import empty_store


def probabilities(texts: list[str]) -> np.ndarray:
    """Three classes: "good" raises the second, "bad" the third."""
    points = np.array([[0.5, t.split().count("good"), t.split().count("bad")] for t in texts])
    return np.exp(points) / np.exp(points).sum(axis=1, keepdims=True)


PREDICTOR = Predictor("any", probabilities, ("none", "praise", "blame"))


def test_every_text_gets_its_prediction_in_order() -> None:
    texts = ["good", "bad bad", ""] * 50
    found = list(PREDICTOR.predict(texts))
    assert [prediction.text for prediction in found] == texts
    assert [prediction.label for prediction in found] == ["praise", "blame", "none"] * 50
    assert found[0].probability == pytest.approx(probabilities(["good"])[0, 1])
    assert list(PREDICTOR.predict([])) == []


def test_words_that_raise_the_probability_of_the_label_have_a_positive_effect() -> None:
    words = PREDICTOR.explain("a good  good bad film")
    assert [word.text for word in words] == ["a", "good", "good", "bad", "film"]
    effects = [word.effect for word in words]
    assert effects[1] == effects[2] > 0 > effects[3]
    assert effects[0] == effects[4] == 0


@pytest.mark.parametrize("count", [0, 200])
def test_empty_and_long_texts_are_explained_too(count: int) -> None:
    assert len(PREDICTOR.explain("good " * count)) == count


@pytest.mark.parametrize(
    ("task", "variant", "message"),
    [
        ("imbd", None, "mean 'imdb'"),
        ("product", None, "imdb, reuters"),
        (None, "product_gru", "does not read text"),
        (None, "imdb_embeding_gru", "mean 'imdb_embedding_gru'"),
        ("reuters", None, "no champion"),
        (None, "imdb_embedding_gru", "rnnbench sync"),
    ],
)
def test_a_model_that_does_not_exist_is_an_error_that_names_what_does(
    tmp_path: Path, task: str | None, variant: str | None, message: str
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store())
    with pytest.raises((DataError, UnknownNameError), match=message):
        load_predictor(Workspace(tmp_path), PARAMS, task, variant)


def test_a_project_without_a_store_is_reported_in_one_line(tmp_path: Path) -> None:
    shutil.copy(PARAMS_FILE, tmp_path / "params.yaml")
    command = [str(Path(sys.executable).with_name("rnnbench")), "predict", "a film"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    # MLflow reports that it creates the database.
    (line,) = [line for line in done.stderr.splitlines() if " INFO mlflow." not in line]
    assert line.startswith("error: imdb has no champion in MLflow; run ")
