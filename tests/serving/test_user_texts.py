"""A table of the user's own from the file to predictions: numbers, words of each split, a layer."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnbench import corpora
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import read_scores
from rnnbench.evaluation.stage import evaluate
from rnnbench.params import Params, load_params
from rnnbench.preprocessing.encoders import read_encoder
from rnnbench.preprocessing.stage import preprocess
from rnnbench.report.article import write_article
from rnnbench.report.stage import report
from rnnbench.serving.predict import load_predictor
from rnnbench.tracking.logged_model import artifacts
from rnnbench.tracking.registry import load_model
from rnnbench.tracking.sync import log_trainings
from rnnbench.training.stage import train
from tests.pipeline.helpers import ROOT
from tests.stores import empty_store

PARAMS = """
run: {seed: 1, replicates: 2}
corpora:
  offers: {kind: table, path: files/offers.csv, text: text, label: price, target: number,
    tolerance: 2.0, out_of_domain: {shop: files/shop.csv}}
datasets:
  offers: {corpus: offers, encoding: index, vocabulary_size: null, split: random,
    validation: 0.2, evaluation: 40}
variants:
  offers_mean: {model: constant, dataset: offers}
  offers_min_gru:
    model: keras
    dataset: offers
    layers: [{Embedding: {output_dim: 8, mask_zero: true}}, {"min_gru.py:MinGRU": {units: 8}}]
    optimizer: {Adam: {learning_rate: 0.02}}
    epochs: 15
    batch_size: 16
comparison: {margin: 0.02, loss_margin: 0.25}
questions: []
published: {}
"""
PRICES = {"apple": 1.0, "cheese": 4.0, "wine": 9.0}


def write_offers(path: Path, count: int, seed: int) -> None:
    """Offers of one product each, in a sentence of other words."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        product = str(rng.choice(list(PRICES)))
        words = [f"word{rng.integers(20)}" for _ in range(rng.integers(1, 6))]
        words.insert(int(rng.integers(len(words) + 1)), product)
        rows.append((" ".join([*words, f"only{number}"]), PRICES[product]))
    pd.DataFrame(rows, columns=["text", "price"]).to_csv(path, index=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Params]:
    workspace = Workspace(tmp_path_factory.mktemp("own") / "project")
    (workspace.root / "files").mkdir(parents=True)
    (workspace.root / "mlflow.db").write_bytes(empty_store())
    workspace.params.write_text(PARAMS)
    shutil.copy(ROOT / "docs" / "examples" / "min_gru.py", workspace.root)
    write_offers(workspace.root / "files" / "offers.csv", 200, seed=1)
    write_offers(workspace.root / "files" / "shop.csv", 30, seed=2)
    params = load_params(workspace.params)
    raw, prepared = workspace.raw("offers"), workspace.prepared("offers")
    for folder in (raw, prepared):
        folder.mkdir(parents=True)
    corpora.load("table").fetch(params.corpus("offers"), raw)
    preprocess(params.dataset("offers"), "table", raw, prepared, seed=1, splits=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        for name in params.variants:
            train(workspace, params, name)
            evaluate(workspace, params, name, print)
    assert log_trainings(workspace, params, params.variants, pytest.fail) == list(params.variants)
    return workspace, params


def test_the_layer_learns_the_prices(project: tuple[Workspace, Params]) -> None:
    workspace, _ = project
    mean, gru = (read_scores(workspace, f"offers_{name}") for name in ("mean", "min_gru"))
    assert gru.loss < mean.loss / 2
    assert gru.further_samples == {"shop": 30}
    assert gru.further_accuracy["shop"] > mean.further_accuracy["shop"]


def test_texts_get_numbers_and_words_effects(project: tuple[Workspace, Params]) -> None:
    predictor = load_predictor(*project, None, "offers_min_gru")
    cheap, dear = predictor.predict(["word1 apple word2", "word1 wine word2"])
    assert cheap.prediction < 4 < dear.prediction
    words = predictor.explain("word1 wine word2")
    assert max(words, key=lambda word: word.effect).text == "wine"


def test_a_logged_model_has_the_words_of_its_split_and_its_layer(
    project: tuple[Workspace, Params], tmp_path: Path
) -> None:
    workspace, params = project
    words = [set(read_encoder(workspace.prepared("offers"), split).words) for split in (0, 1)]
    assert words[0] != words[1]
    # The project's layer may change or vanish later.
    (workspace.root / "min_gru.py").rename(tmp_path / "min_gru.py")
    try:
        _, model = load_model(workspace, params, "offers", "offers_min_gru")
        found = model.predict(pd.DataFrame({"text": ["wine"]}))
    finally:
        (tmp_path / "min_gru.py").rename(workspace.root / "min_gru.py")
    assert list(found.columns) == ["prediction"]
    # The champion's model is that of the first replicate, which trained on the first split.
    assert set(model.unwrap_python_model()._encoder.words) == words[0]
    files = artifacts(workspace, params, "offers_min_gru", 1)
    assert set(read_encoder(files["encoder.json"].parent).words) == words[1]


def test_the_article_speaks_of_no_tutorial(project: tuple[Workspace, Params]) -> None:
    workspace, params = project
    report(workspace, params, pytest.fail)
    write_article(workspace, params)
    page = (workspace.metrics / "comparison.md").read_text()
    assert "five tutorials" not in page
    assert "shop" in page
