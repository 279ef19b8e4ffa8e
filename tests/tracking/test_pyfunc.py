"""Logged models, loaded as MLflow loads them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_prepared
from rnnbench.preprocessing import subwords
from rnnbench.preprocessing.encoders import (
    SubwordEncoder,
    TextEncoder,
    WordEncoder,
    read_encoder,
)
from rnnbench.tracking.registry import load_model
from rnnbench.tracking.sync import log_trainings
from rnnbench.training.outputs import training_settings
from tests.frozen import PARAMS
from tests.stores import new_project

KERAS = "imdb_embedding_lstm"
# How each encodes texts: n-grams, a set of words, subwords.
OF_WHOLE_TEXTS = (
    "imdb_ngrams_linear",
    "imdb_multi_hot_dense",
    "imdb_subword_bidirectional_lstm",
)
NAMES = (KERAS, *OF_WHOLE_TEXTS, "reuters_majority", "product_mean", "characters_majority")
TEXTS = ["the film", "", "😀"]
# As many as the invented samples have ids.
WORDS = tuple(f"w{i}" for i in range(996))
LONG_TEXTS = [" ".join(WORDS[start::4]) for start in range(4)]


@pytest.fixture(scope="module")
def project(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = new_project(invented, tmp_path_factory.mktemp("models") / "project", NAMES)
    for name in OF_WHOLE_TEXTS:
        dataset = PARAMS.dataset(PARAMS.variant(name).dataset)
        fields = (dataset, "utf-8", {}, WORDS if dataset.tokens == "words" else ())
        encoder: TextEncoder = WordEncoder(*fields)
        if dataset.tokens == "subwords":
            encoder = SubwordEncoder(*fields, subwords.train(LONG_TEXTS, 400))
        encoder.write(workspace.prepared(PARAMS.variant(name).dataset))
    assert log_trainings(workspace, PARAMS, NAMES, pytest.fail) == list(NAMES)
    return workspace


def load(project: Workspace, name: str) -> Any:
    return load_model(project, PARAMS, "any", name)[1]


def test_a_logged_model_predicts_raw_text_as_the_pipeline_does(project: Workspace) -> None:
    logged = load(project, KERAS)
    found = logged.predict(TEXTS)
    assert list(found.columns) == ["label", "probability"]
    encoder = read_encoder(project.prepared(PARAMS.variant(KERAS).dataset))
    model = models.model_class("keras").load(project.model(KERAS, 0, ".keras"))
    expected = model.predict(encoder.encode(TEXTS)).tolist()
    assert len(set(expected)) > 1
    assert found["probability"].tolist() == pytest.approx(expected, abs=1e-6)
    assert logged.predict(pd.DataFrame({"text": TEXTS[:1]})).equals(found[:1])
    requirements = next((project.root / "mlartifacts").rglob("requirements.txt"))
    assert "tensorflow==" in requirements.read_text()


@pytest.mark.parametrize("name", OF_WHOLE_TEXTS)
def test_whole_texts_are_encoded_as_the_dataset_is(project: Workspace, name: str) -> None:
    settings = PARAMS.variant(name)
    model_class = models.model_class(settings.model)
    model = model_class.load(project.model(name, 0, model_class.SUFFIX))
    encoder = read_encoder(project.prepared(settings.dataset))
    expected = model.predict(encoder.encode([*LONG_TEXTS, *TEXTS])).tolist()
    assert len(set(expected)) > 3
    found = load(project, name).predict([*LONG_TEXTS, *TEXTS])
    assert found["probability"].tolist() == pytest.approx(expected, abs=1e-6)


def test_of_many_classes_the_most_probable_is_predicted(project: Workspace) -> None:
    folder = project.prepared(PARAMS.variant("reuters_majority").dataset)
    (row,) = load(project, "reuters_majority").predict(["grain"]).to_dict("records")
    shares = np.bincount(read_prepared(folder).part(0, "train").y) / 400
    assert row["label"] == read_meta(folder).classes[shares.argmax()]
    assert row["probability"] == pytest.approx(shares.max(), abs=1e-6)


def test_the_prior_is_predicted_for_a_text_without_known_words(
    invented: Path, tmp_path: Path
) -> None:
    """By a mean over the words, which is no number for none."""
    workspace = new_project(invented, tmp_path / "project", [])
    layers = [{"Embedding": {"output_dim": 2, "mask_zero": True}}, "GlobalAveragePooling1D"]
    settings = PARAMS.variant(KERAS).model_copy(update={"layers": layers})
    params = replace(PARAMS, variants={KERAS: settings})
    path = workspace.training_record(KERAS)
    record = json.loads(path.read_text()) | {"settings": training_settings(settings)}
    path.write_text(json.dumps(record))
    folder = workspace.prepared(settings.dataset)
    model = models.model_class("keras").build(settings, read_meta(folder), 1)
    for replicate in range(3):
        model.save(workspace.model(KERAS, replicate, ".keras"))
    assert log_trainings(workspace, params, [KERAS], pytest.fail) == [KERAS]
    found = load_model(workspace, params, "any", KERAS)[1].predict(["", "the"])
    share = read_prepared(folder).part(0, "train").y.mean()
    assert found["probability"].iloc[0] == pytest.approx(share)
    assert found["probability"].iloc[1] != pytest.approx(share)


@pytest.mark.parametrize("name", ["product_mean", "characters_majority"])
def test_a_logged_model_of_arrays_predicts_arrays(project: Workspace, name: str) -> None:
    folder = project.prepared(PARAMS.variant(name).dataset)
    samples = read_prepared(folder).samples.x[:5]
    model = models.model_class("constant").load(project.model(name, 0, ".npz"))
    logged = load(project, name)
    x = samples.astype("float32" if samples.dtype.kind == "f" else "int64")
    np.testing.assert_array_equal(logged.predict(x), model.predict(samples))
    if read_meta(folder).encoding != "number":
        for invalid in (99, -1):
            with pytest.raises(mlflow.MlflowException, match="ids must be from 0 to"):
                logged.predict(np.full_like(x, invalid))
