import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench.corpora import imdb
from rnnbench.corpora.base import TextCorpus
from rnnbench.encode import TextEncoder
from rnnbench.params import load_params
from rnnbench.prepared import Meta, Samples, write_meta, write_samples
from rnnbench.train import training_settings
from rnnbench.workspace import Workspace


@pytest.fixture(scope="session")
def imdb_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the real corpus, fetched once; not to be written to."""
    directory = tmp_path_factory.mktemp("imdb")
    imdb.fetch(imdb.Settings(), directory, seed=1)
    return directory


@pytest.fixture(scope="session")
def imdb_corpus(imdb_raw: Path) -> TextCorpus:
    return imdb.read(imdb_raw)


@pytest.fixture
def results(tmp_path: Path) -> Workspace:
    """A workspace with invented predictions, histories and costs of the shipped variants."""
    workspace = Workspace(tmp_path)
    params = load_params()
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.5).astype(np.uint8)
    for name in params.datasets:
        folder = workspace.prepared(name)
        folder.mkdir(parents=True)
        samples = Samples(np.zeros((400, 100), np.uint8), y, np.arange(400, dtype=np.int32))
        write_samples(folder, "evaluation", samples)
        write_meta(folder, _META)
        TextEncoder(_META, ("the", "film")).write(folder)
    for name in params.variants:
        for path in (workspace.predictions(name), workspace.cost(name), workspace.history(name)):
            path.parent.mkdir(parents=True, exist_ok=True)
        right = rng.random((3, 400)) < 0.8
        chance = np.where(right == (y > 0), 0.9, 0.1) + rng.uniform(-0.05, 0.05, (3, 400))
        np.save(workspace.predictions(name), chance.astype(np.float32))
        cost = {"seconds": 12.5, "seconds_per_replicate": 4.2, "peak_memory_mib": 900}
        workspace.cost(name).write_text(json.dumps(cost))
        rows = ["replicate,epoch,loss,accuracy,val_loss,val_accuracy"]
        rows += [f"{r},{e},0.{9 - e},0.7,0.5,0.{r + 5}{e}" for r in range(3) for e in (1, 2)]
        workspace.history(name).write_text("\n".join(rows) + "\n")
        workspace.models(name).mkdir(parents=True)
        facts = {
            "variant": name,
            "parameters": 33321,
            "seeds": [42, 43, 44],
            "settings": training_settings(params.variants[name]),
        }
        (workspace.models(name) / "training.json").write_text(json.dumps(facts))
    workspace.scores("any").parent.mkdir(parents=True)
    return workspace


_META = Meta(
    corpus="imdb",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(100,),
    depth=1000,
    skip_top=0,
    padding="pre",
    text_encoding="utf-8",
    majority=0.5,
)
