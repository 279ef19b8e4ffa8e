"""The real DAG, run by DVC: what it makes, what an edit runs again, and what tools show of it."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from rnnbench.cli.main import main
from rnnbench.core.workspace import Workspace
from rnnbench.corpora import imdb
from rnnbench.data.format import read_meta, read_prepared
from rnnbench.tracking.project import name_in_mlflow
from tests.frozen import PARAMS_FILE
from tests.pipeline.helpers import (
    REPLICATES,
    SECONDS,
    VARIANTS,
    edit,
    git,
    run,
    stages_run,
    start,
)

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
MINE = {
    "model": "numpy_rnn",
    "dataset": "imdb_one_hot_100",
    "units": 3,
    "window": 5,
    "learning_rate": 0.1,
    "epochs": 1,
    "batch_size": 20,
}


@pytest.fixture
def project(finished: Path) -> Iterator[Path]:
    """The project to edit; afterwards its files are as they were."""
    yield finished
    # DVC stages what it changes.
    git("reset", "-q", "--hard", cwd=finished)
    git("clean", "-fdq", cwd=finished)
    run(finished, "dvc", "checkout", "--force", "--quiet")


@pytest.fixture(scope="module")
def plots(finished: Path) -> Path:
    run(finished, "dvc", "plots", "show", "--out", "dvc_plots")
    return finished / "dvc_plots" / "index.html"


@pytest.fixture
def mlflow_store(finished: Path) -> Iterator[None]:
    """Makes the project's store that of this process."""
    mlflow.set_tracking_uri(f"sqlite:///{finished / 'mlflow.db'}")
    yield
    mlflow.set_tracking_uri(None)


def client_of(project: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")


def trainings(project: Path, query: str = "tags.level = 'variant'") -> list[mlflow.entities.Run]:
    client = client_of(project)
    numbers = [experiment.experiment_id for experiment in client.search_experiments()]
    return client.search_runs(numbers, query)


def current(project: Path) -> list[str]:
    found = trainings(project, "tags.level = 'variant' and tags.current = 'true'")
    return sorted(training.data.tags["variant"] for training in found)


def test_make_reproduce_makes_the_table_and_logs_every_training(finished: Path) -> None:
    table = pd.read_csv(finished / "metrics" / "comparison.csv")
    assert sorted(table["variant"]) == sorted(VARIANTS)
    assert set(table["replicates"]) == {REPLICATES}
    samples = table.groupby("corpus")["evaluation_samples"].first().to_dict()
    assert samples == {"imdb": 100, "product": 100, "characters": 1}
    assert current(finished) == sorted(VARIANTS)


def test_every_logged_model_predicts_what_the_pipeline_predicted(
    finished: Path, mlflow_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    client, workspace = client_of(finished), Workspace(finished)
    params = yaml.safe_load((finished / "params.yaml").read_text())
    reviews = imdb.read(workspace.raw("imdb"))
    for name in VARIANTS:
        folder = workspace.prepared(params["variants"][name]["dataset"])
        # The first replicate trained on the first split.
        meta, samples = read_meta(folder), read_prepared(folder).part(0, "evaluation")
        predictions = np.load(workspace.predictions(name) / "evaluation.npy")
        experiment_name = name_in_mlflow(workspace, meta.corpus)
        experiment = client.get_experiment_by_name(experiment_name).experiment_id
        logged = client.search_logged_models([experiment], filter_string=f"name = '{name}'")
        assert len(logged) == len(predictions) == REPLICATES
        seeds = {client.get_run(m.source_run_id).data.tags["seed"]: m.model_uri for m in logged}
        model = mlflow.pyfunc.load_model(seeds["42"])
        if meta.corpus == "imdb":
            texts = [reviews.documents.texts[reviews.order[i]].decode() for i in samples.id[:5]]
            predicted = model.predict([*texts, "", "😀"])["probability"][:5]
        else:
            x = np.asarray(samples.x[:5])
            predicted = model.predict(x.astype(x.dtype if x.dtype.kind == "f" else "int64"))
        np.testing.assert_allclose(predicted, predictions[0, :5], atol=1e-6)


def test_a_second_run_does_nothing(finished: Path) -> None:
    assert stages_run(run(finished, "dvc", "repro")) == set()
    assert run(finished, "dvc", "status").strip().endswith("up to date.")
    assert git("status", "--porcelain", cwd=finished) == ""


def test_a_second_training_makes_the_same_bytes(project: Path) -> None:
    stage = "train@imdb_embedding_lstm"
    ran = run(project, "dvc", "repro", "--force", "--no-run-cache", "--single-item", stage)
    assert stages_run(ran) == {stage}
    changed = git("diff", "HEAD", "--name-only", cwd=project)
    assert set(changed.split()) <= {"dvc.lock"}
    before = yaml.safe_load(git("show", "HEAD:dvc.lock", cwd=project))["stages"][stage]["outs"]
    after = yaml.safe_load((project / "dvc.lock").read_text())["stages"][stage]["outs"]
    differing = {new["path"] for new in after if new not in before}
    assert differing <= {"data/cost/imdb_embedding_lstm.json"}


def test_another_setting_or_variant_makes_only_its_stages_stale(project: Path) -> None:
    def stale() -> set[str]:
        return set(json.loads(run(project, "dvc", "status", "--json").splitlines()[-1]))

    name, workspace = "imdb_embedding_lstm", Workspace(project)
    edit(project, lambda params: params["variants"].update(mine=MINE))
    of_all = {"check", "report", "cost", "article"}
    assert stale() == of_all | {"train@mine", "evaluate@mine"}

    git("checkout", "-q", "HEAD", "params.yaml", "plan.json", cwd=project)
    edit(project, lambda params: params["variants"][name].update(epochs=3))
    assert stale() == of_all | {f"train@{name}"}
    # What the training would write.
    predictions = workspace.predictions(name) / "evaluation.npy"
    for path, content in ((predictions, np.load(predictions) / 2), (workspace.cost(name), None)):
        path.unlink()
        path.write_text("{}") if content is None else np.save(path, content)
    assert stale() == of_all | {f"train@{name}", f"evaluate@{name}"}


def test_a_changed_value_needs_one_run_and_another_list_of_variants_two(project: Path) -> None:
    name, params = "characters_simple_rnn", project / "params.yaml"
    before = params.read_bytes()
    # Of another length: git takes a file of the same length and second for an unchanged one.
    edit(project, lambda params: params["variants"][name].update(epochs=10), plan=False)
    ran = stages_run(run(project, "dvc", "repro"))
    assert {stage for stage in ran if "@" in stage} == {f"train@{name}", f"evaluate@{name}"}
    history = pd.read_csv(project / "metrics" / "history" / f"{name}.csv")
    assert set(history["epoch"]) == set(range(1, 11))

    # DVC's cache of runs must not take the edit for what is there.
    git("checkout", "-q", "HEAD", "params.yaml", cwd=project)
    assert params.read_bytes() == before
    run(project, "dvc", "repro")
    history = pd.read_csv(project / "metrics" / "history" / f"{name}.csv")
    assert set(history["epoch"]) == {1, 2, 3}
    assert git("status", "--porcelain", "plan.json", cwd=project) == ""

    twin = {"base": name, "grid": {"epochs": [1, 2]}}
    edit(project, lambda params: params["variants"].update(twin=twin), plan=False)
    log = project.parent / "stopped.log"
    assert start(project, log, "dvc", "repro").wait(SECONDS) != 0
    assert "it is written now: run dvc repro once more" in log.read_text()
    stale = json.loads(run(project, "dvc", "status", "--json").splitlines()[-1])
    assert {"train@twin-epochs-1", "train@twin-epochs-2"} <= set(stale)


def test_an_edited_axis_of_a_study_trains_only_what_is_new(project: Path) -> None:
    folder = Workspace(project).study("cells")
    assert "Which cell is best?" in (project / "metrics" / "comparison.md").read_text()
    before = pd.read_csv(folder / "trainings.csv")
    assert len(before) == 2 * 2 * REPLICATES
    edit(project, lambda params: params["studies"]["cells"]["axes"].update(units=[3, 2]))
    printed = run(project, "dvc", "repro", "study@cells")
    assert stages_run(printed) == {"check", "study@cells"}
    assert f"{len(before)} of {len(before)} trained, 0 running, {len(before)} kept" in printed
    after = pd.read_csv(folder / "trainings.csv")
    assert set(before["key"]) == set(after.loc[after["units"] == 3, "key"])

    git("checkout", "-q", "HEAD", "params.yaml", "plan.json", cwd=project)
    assert "all 8 trainings are kept" in run(project, "dvc", "repro", "study@cells")
    assert git("status", "--porcelain", "metrics/studies", cwd=project) == ""


def test_train_all_trains_what_an_edit_has_made_stale_and_repro_takes_it(project: Path) -> None:
    name = "product_simple_rnn"
    edit(project, lambda params: params["variants"][name].update(epochs=2))
    run(project, "dvc", "repro", "preprocess")
    printed = run(project, "rnnbench", "train-all", "--jobs", "1")
    assert f"1 variant  {REPLICATES} of {REPLICATES} trained" in printed
    repeated = run(project, "dvc", "repro", f"train@{name}")
    assert repeated.count("already trained") == REPLICATES
    # The epochs of the first run are in DVC's cache.
    git("checkout", "-q", "HEAD", "params.yaml", "plan.json", cwd=project)
    run(project, "dvc", "repro", "preprocess")
    assert "nothing to train" in run(project, "rnnbench", "train-all")


def test_an_experiment_runs_only_what_depends_on_its_edit_and_the_reversal_trains_nothing(
    project: Path,
) -> None:
    known = len(trainings(project))
    name, edited = "characters_simple_rnn", "corpora.characters.sentence=hihello"
    ran = stages_run(run(project, "dvc", "exp", "run", "--name", "here", "--set-param", edited))
    stale = {"download@characters", "preprocess@characters", f"train@{name}", f"evaluate@{name}"}
    # The study depends on all prepared data, and trains nothing.
    assert ran == stale | {"check", "report", "study@cells", "cost", "article"}
    history = pd.read_csv(project / "metrics" / "history" / f"{name}.csv", dtype=str)
    assert {len(prediction) for prediction in history["prediction"]} == {6}
    assert set("".join(history["prediction"])) <= set("hielo")
    (new,) = trainings(project, "tags.level = 'variant' and tags.`dvc.exp` = 'here'")
    assert (new.data.tags["variant"], new.data.tags["current"]) == (name, "true")
    assert current(project) == sorted(VARIANTS)

    git("checkout", "-q", "HEAD", "params.yaml", "plan.json", cwd=project)
    ran = stages_run(run(project, "dvc", "repro"))
    assert ran <= {"check", "study@cells", "cost", "article"}
    assert current(project) == sorted(VARIANTS)
    assert client_of(project).get_run(new.info.run_id).data.tags["current"] == "false"
    assert len(trainings(project)) == known + 1


def test_a_new_question_and_another_published_figure_run_the_report_alone(project: Path) -> None:
    question = {"question": "Any news?", "variants": ["imdb_embedding_lstm", "imdb_numpy_rnn"]}
    edit(project, lambda params: params["questions"].append(question))
    edit(project, lambda params: params["published"]["imdb_numpy_rnn"].update(accuracy=0.123))
    assert stages_run(run(project, "dvc", "repro")) == {"check", "report", "article"}
    article = (project / "metrics" / "comparison.md").read_text()
    assert "**Any news?**" in article
    assert "0.123" in article
    git("checkout", "-q", "HEAD", "params.yaml", "plan.json", cwd=project)
    assert stages_run(run(project, "dvc", "repro")) <= {"check", "article"}


def test_a_new_variant_needs_no_code_and_a_queued_experiment_leaves_the_files_alone(
    project: Path,
) -> None:
    edit(project, lambda params: params["variants"].update(mine=MINE))
    change, stage = "variants.mine.epochs=2", "evaluate@mine"
    run(project, "dvc", "exp", "run", "--queue", "--name", "queued", "-S", change, stage)
    run(project, "dvc", "queue", "start")
    deadline = time.monotonic() + SECONDS
    while re.search("Queued|Running", run(project, "dvc", "queue", "status")):
        assert time.monotonic() < deadline
        time.sleep(1)
    (found,) = trainings(project, "tags.level = 'variant' and tags.`dvc.exp` = 'queued'")
    assert found.data.params["epochs"] == "2"
    # It ran in a copy of the project.
    assert found.data.tags["current"] == "false"
    assert not (project / "models" / "mine").exists()
    assert current(project) == sorted(VARIANTS)


def test_dvc_shows_metrics_and_plots(finished: Path, plots: Path) -> None:
    shown = run(finished, "dvc", "metrics", "show", "--md")
    assert sum("imdb_embedding_lstm" in line for line in shown.splitlines()) == 1
    page = plots.read_text()
    assert "<script src" not in page
    specs = [json.loads(spec) for spec in re.findall(r"spec = (\{.*\});", page)]
    (curves,) = [spec for spec in specs if "by epoch" in str(spec.get("title"))]
    assert curves["spec"]["encoding"]["color"]["field"] == "variant"
    assert {row["variant"] for row in curves["data"]["values"]} >= {"imdb_embedding_lstm"}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_without_network_draws_every_plot(finished: Path, plots: Path) -> None:
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
    drawn = run(finished, str(CHROMIUM), *options, offline, "--dump-dom", plots.as_uri())
    assert drawn.count("<canvas") == plots.read_text().count("var spec =") > len(VARIANTS)


def test_show_counts_the_parameters_that_the_tutorials_publish(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(PARAMS_FILE, tmp_path)
    (tmp_path / "data").symlink_to(finished / "data")
    monkeypatch.chdir(tmp_path)
    published = {
        "imdb_simple_rnn_one_hot": "4,289",
        "imdb_numpy_rnn": "4,289",
        "product_simple_rnn": "2,851",
        "product_lstm": "11,311",
        "product_gru": "8,671",
    }
    for name, parameters in published.items():
        assert parameters in CliRunner().invoke(main, ["show", name]).output


def test_decode_prints_a_sample_as_words(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    head, words = CliRunner().invoke(main, ["decode", "imdb_index_1000", "0"]).output.splitlines()
    part = "(train|validation|evaluation|none)"
    assert re.fullmatch(rf"sample 0, {part}, (positive|negative), \d+ words", head)
    assert len(words.split()) == int(head.split()[-2])
    characters = CliRunner().invoke(main, ["decode", "characters", "0"]).output
    assert " My name is Ji Myung Hwa" in characters
