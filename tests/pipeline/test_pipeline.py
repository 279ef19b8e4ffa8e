"""The real DAG, run by DVC in a project of its own, on a slice of the real reviews."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

SHORT = [{"Embedding": {"output_dim": 4, "mask_zero": True}}, {"LSTM": {"units": 3}}]
# One variant of every family and of every corpus that is not the same as another to the stages.
KEPT = {
    "imdb_simple_rnn_one_hot": {"epochs": 2},
    "imdb_embedding_lstm": {"epochs": 2},
    "imdb_numpy_rnn": {"epochs": 2},
    "imdb_multi_hot_dense": {"epochs": 1},
    "imdb_ngrams_linear": {},
    "imdb_subword_bidirectional_lstm": {"epochs": 1, "layers": SHORT, "replicates": 1},
    "reuters_majority": {},
    "product_simple_rnn": {"epochs": 1},
    "characters_simple_rnn": {"epochs": 3},
}
ROOT = Path(__file__).parents[2]
SHIPPED = yaml.safe_load((ROOT / "params.yaml").read_text())
BIN = Path(sys.executable).parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def run(project: Path, *command: str) -> str:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def edit(project: Path, change) -> None:
    path = project / "params.yaml"
    params = yaml.safe_load(path.read_text())
    change(params)
    path.write_text(yaml.safe_dump(params, sort_keys=False))


def stages_run(output: str) -> list[str]:
    return [
        line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")
    ]


def trainings(project: Path) -> int:
    """How many trainings MLflow knows: each logs one parent run."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("imdb")
    return len(client.search_runs([experiment.experiment_id], "tags.level = 'variant'"))


def _slice(corpus) -> list[bytes]:
    """The texts of `make_slice` as Keras would number them."""
    documents = corpus.documents
    chosen = []
    for label in (1, 0):
        own = [t for t, y in zip(documents.texts, documents.labels, strict=True) if y == label]
        names = sorted((f"{number}_{1 + 8 * label}.txt", t) for number, t in enumerate(own[:300]))
        chosen += [text for _, text in names]
    order = np.arange(600)
    np.random.RandomState(113).shuffle(order)
    return [chosen[i] for i in order]


def make_slice(corpus, folder: Path) -> None:
    documents = corpus.documents
    for label, name in enumerate(("neg", "pos")):
        target = folder / "train" / name
        target.mkdir(parents=True)
        chosen = [t for t, y in zip(documents.texts, documents.labels, strict=True) if y == label]
        for number, text in enumerate(chosen[:300]):
            (target / f"{number}_{1 + 8 * label}.txt").write_bytes(text)


@pytest.fixture(scope="module")
def project(imdb_corpus, tmp_path_factory) -> Path:
    """A git and DVC project of the tracked files, with two short variants, run once."""
    folder = tmp_path_factory.mktemp("pipeline") / "project"
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        if not name.startswith("metrics/") and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    make_slice(imdb_corpus, folder.parent / "aclImdb")

    def shorten(params) -> None:
        params["run"]["replicates"] = 2
        params["corpora"]["imdb"]["source"] = str(folder.parent / "aclImdb")
        params["corpora"]["product"]["steps"] = 10
        for dataset in params["datasets"].values():
            if dataset["corpus"] == "imdb":
                dataset.update(train=400, evaluation=200)
            if dataset.get("tokens") == "subwords":
                dataset["vocabulary_size"] = 1000
            if "length" in dataset:
                dataset["length"] = 30
        params["variants"] = {k: params["variants"][k] | changes for k, changes in KEPT.items()}
        datasets = {v["dataset"] for v in params["variants"].values()}
        params["datasets"] = {k: v for k, v in params["datasets"].items() if k in datasets}
        params["published"] = {k: v for k, v in params["published"].items() if k in KEPT}

    edit(folder, shorten)
    for command in (
        ["git", "init", "-q"],
        ["git", "config", "user.email", "test@example.org"],
        ["git", "config", "user.name", "test"],
        ["dvc", "repro"],
        ["git", "add", "--all"],
        ["git", "commit", "-q", "-m", "first"],
    ):
        run(folder, *command)
    return folder


def test_one_command_makes_the_table_and_the_runs(project: Path) -> None:
    table = pd.read_csv(project / "metrics" / "comparison.csv")
    assert sorted(table["variant"]) == sorted(KEPT)
    samples = table.groupby("corpus")["evaluation_samples"].first().to_dict()
    assert samples == {"imdb": 200, "reuters": 599, "product": 440, "characters": 1}
    assert trainings(project) == sum(name.startswith("imdb") for name in KEPT)


def test_every_replicate_is_scored_and_kept(project: Path) -> None:
    table = pd.read_csv(project / "metrics" / "comparison.csv").set_index("variant")
    for name in KEPT:
        replicates = (SHIPPED["variants"][name] | KEPT[name]).get("replicates", 2)
        assert table.loc[name, "replicates"] == replicates
        assert len(list((project / "models" / name).glob("replicate_*"))) == replicates
        prediction = np.load(project / "data" / "predictions" / name / "evaluation.npy")
        assert len(prediction) == replicates


def test_every_logged_model_answers_as_the_pipeline_predicted(
    project: Path, imdb_corpus, monkeypatch
) -> None:
    import mlflow

    monkeypatch.chdir(project)
    uri = f"sqlite:///{project / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    params = yaml.safe_load((project / "params.yaml").read_text())
    texts = [t.decode() for t in _slice(imdb_corpus)]
    for name in KEPT:
        prepared = project / "data" / "prepared" / params["variants"][name]["dataset"]
        meta = json.loads((prepared / "meta.json").read_text())
        experiment = client.get_experiment_by_name(meta["corpus"]).experiment_id
        found = client.search_logged_models([experiment], filter_string=f"name = '{name}'")
        seed = {m: client.get_run(m.source_run_id).data.tags["seed"] for m in found}
        model = mlflow.pyfunc.load_model(next(m for m in found if seed[m] == "42").model_uri)
        prediction = np.load(project / "data" / "predictions" / name / "evaluation.npy")[0]
        if meta["corpus"] == "imdb":
            ids = np.load(prepared / "evaluation_id.npy")[:5]
            answer = model.predict([texts[i] for i in ids] + ["", "😀"])
            assert answer["probability"][:5].tolist() == pytest.approx(prediction[:5], abs=1e-6)
        elif meta["corpus"] == "reuters":
            answer = model.predict(["Shr 5 cts <NET> & more", ""])
            assert set(answer["label"]) <= set(meta["classes"])
        else:
            x = np.load(prepared / "evaluation_x.npy")[:5]
            x = x.astype("float32" if meta["encoding"] == "number" else "int64")
            np.testing.assert_allclose(model.predict(x), prediction[:5], atol=1e-6)


def test_a_second_run_does_nothing(project: Path) -> None:
    assert stages_run(run(project, "dvc", "repro")) == []
    assert run(project, "dvc", "status").strip().endswith("up to date.")
    assert run(project, "git", "status", "--porcelain") == ""


def test_the_same_bytes_come_again(project: Path) -> None:
    again = stages_run(run(project, "dvc", "repro", "--force", "--no-run-cache"))
    assert {f"train@{name}" for name in KEPT} <= set(again)
    changed = {line[3:] for line in run(project, "git", "status", "--porcelain").splitlines()}
    costs = {f"metrics/cost.{suffix}" for suffix in ("csv", "md", "svg")}
    assert changed <= {"dvc.lock", *costs}
    lines = run(project, "git", "diff", "HEAD", "--unified=0", "dvc.lock").splitlines()
    values = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert all(("md5:" in v) or ("size:" in v) for v in values)
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    before = yaml.safe_load(run(project, "git", "show", "HEAD:dvc.lock"))
    differing = {
        out["path"]
        for stage, content in lock["stages"].items()
        for out, old in zip(content["outs"], before["stages"][stage]["outs"], strict=True)
        if out["md5"] != old["md5"]
    }
    costs |= {f"data/cost/{name}.json" for name in KEPT}
    assert differing <= costs


def test_an_edit_runs_only_what_depends_on_it_and_its_reversal_trains_nothing(
    project: Path,
) -> None:
    known = trainings(project)
    edit(project, lambda p: p["variants"]["imdb_embedding_lstm"].update(epochs=3))
    assert stages_run(run(project, "dvc", "repro")) == [
        "check",
        "train@imdb_embedding_lstm",
        "evaluate@imdb_embedding_lstm",
        "report",
    ]
    assert trainings(project) == known + 1
    edit(project, lambda p: p["variants"]["imdb_embedding_lstm"].update(epochs=2))
    assert stages_run(run(project, "dvc", "repro")) == ["report"]
    assert trainings(project) == known + 1
    assert f"{len(KEPT)} of {len(KEPT)}" in run(project, "rnnbench", "sync")


def test_a_new_variant_needs_no_code(project: Path) -> None:
    def add(params) -> None:
        params["variants"]["mine"] = {
            "model": "keras",
            "dataset": "imdb_index_1000",
            "layers": [{"Embedding": {"output_dim": 4}}, {"GRU": {"units": 3}}],
            "optimizer": "RMSprop",
            "epochs": 1,
            "batch_size": 64,
        }

    edit(project, add)
    stages = stages_run(run(project, "dvc", "repro"))
    assert stages == ["check", "train@mine", "evaluate@mine", "report"]
    assert "mine" in list(pd.read_csv(project / "metrics" / "comparison.csv")["variant"])


def test_plots_and_metrics_can_be_shown(project: Path) -> None:
    shown = run(project, "dvc", "metrics", "show", "--md")
    assert sum("imdb_embedding_lstm" in line for line in shown.splitlines()) == 1
    run(project, "dvc", "plots", "show", "--out", "plots")
    page = (project / "plots" / "index.html").read_text()
    assert "<script src" not in page
    specs = [json.loads(spec) for spec in re.findall(r"spec = (\{.*\});", page)]
    curves = [s for s in specs if "by epoch" in str(s["title"])]
    assert [c["spec"]["encoding"]["color"]["field"] for c in curves] == ["variant"]
    assert {v["variant"] for v in curves[0]["data"]["values"]} >= {"imdb_embedding_lstm"}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_without_network_draws_the_plots(project: Path) -> None:
    run(project, "dvc", "plots", "show", "--out", "plots")
    page = project / "plots" / "index.html"
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
    drawn = run(project, str(CHROMIUM), *options, offline, "--dump-dom", page.as_uri())
    assert drawn.count("<canvas") == page.read_text().count("var spec =") > len(KEPT)


def test_another_sentence_is_learned_and_its_predictions_are_in_the_history(project: Path) -> None:
    edit(project, lambda p: p["corpora"]["characters"].update(sentence="hihello"))
    stages = stages_run(run(project, "dvc", "repro"))
    corpus = [f"{stage}@characters" for stage in ("download", "preprocess")]
    assert stages[:4] == ["check", *corpus, "train@characters_simple_rnn"]
    history = pd.read_csv(project / "metrics" / "history" / "characters_simple_rnn.csv", dtype=str)
    assert {len(prediction) for prediction in history["prediction"]} == {6}
    assert set("".join(history["prediction"])) <= set("hielo")
    assert "hihell" in run(project, "rnnbench", "decode", "characters", "0")


def test_tools_show_networks_and_samples(project: Path) -> None:
    for name, parameters in (("imdb_simple_rnn_one_hot", "4,289"), ("imdb_numpy_rnn", "4,289")):
        assert parameters in run(project, "rnnbench", "show", name)
    head, words = run(project, "rnnbench", "decode", "imdb_index_1000", "0").splitlines()
    assert re.fullmatch(r"sample 0, (train|evaluation), (positive|negative), \d+ words", head)
    assert len(words.split()) == int(head.split()[-2])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("product_simple_rnn", "2,851"), ("product_lstm", "11,311"), ("product_gru", "8,671")],
)
def test_the_product_networks_are_as_large_as_published(
    project: Path, name: str, parameters: str
) -> None:
    edit(project, lambda p: p["variants"].setdefault(name, SHIPPED["variants"][name]))
    assert parameters in run(project, "rnnbench", "show", name)


def test_experiments_are_in_mlflow_under_their_names(project: Path) -> None:
    """One in the project, two side by side in copies of it; all log to the project's store."""
    import mlflow

    def go_back() -> None:
        run(project, "git", "checkout", "--quiet", ".")
        run(project, "dvc", "checkout", "--quiet")

    go_back()
    name = "characters_simple_rnn"
    run(project, "dvc", "exp", "run", "--name", "here", "-S", f"variants.{name}.epochs=4")
    go_back()
    for epochs in (5, 6):
        change = f"variants.{name}.epochs={epochs}"
        run(project, "dvc", "exp", "run", "--queue", "--name", f"queued-{epochs}", "-S", change)
    run(project, "dvc", "queue", "start", "--jobs", "2")
    deadline = time.monotonic() + 300
    while re.search("Queued|Running", run(project, "dvc", "queue", "status")):
        assert time.monotonic() < deadline
        time.sleep(2)
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("characters")
    query = f"tags.variant = '{name}' and tags.level = 'variant'"
    runs = client.search_runs([experiment.experiment_id], query)
    found = {
        r.data.tags.get("dvc.exp"): (r.data.params["epochs"], r.data.tags["current"]) for r in runs
    }
    assert found["here"] == ("4", "true")
    assert found["queued-5"] == ("5", "false")
    assert found["queued-6"] == ("6", "false")
    shown = run(project, "dvc", "exp", "show", "--no-pager", "--csv")
    assert all(experiment in shown for experiment in ("here", "queued-5", "queued-6"))
