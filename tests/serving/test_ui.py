"""Against a running `rnnbench ui`, and in a real browser if there is one."""

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.serving.ui import links
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import empty_store, new_project

COMMAND = str(Path(sys.executable).with_name("rnnbench"))
NAMES = ("product_mean", "imdb_majority", "imdb_numpy_rnn")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Ui(NamedTuple):
    """A running `rnnbench ui`."""

    project: Workspace
    address: str
    process: subprocess.Popen

    @property
    def printed(self) -> list[str]:
        return (self.project.root / "log").read_text().splitlines()

    def link(self, label: str) -> str:
        return next(line.removeprefix(f"{label}: ") for line in self.printed if label in line)


@pytest.fixture(scope="module")
def ui(invented: Path, tmp_path_factory: pytest.TempPathFactory, start_server) -> Iterator[Ui]:
    project = new_project(invented, tmp_path_factory.mktemp("ui") / "project", NAMES)
    assert log_trainings(project, PARAMS, NAMES, pytest.fail) == list(NAMES)
    with (
        (project.root / "log").open("w") as log,
        start_server([COMMAND, "ui"], cwd=project.root, stdout=log, stderr=log) as server,
    ):
        yield Ui(project, *server)


def test_without_a_training_the_command_to_run_is_printed(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store())
    (line,) = links(Workspace(tmp_path), PARAMS, "http://127.0.0.1:5000")
    assert "dvc repro" in line


def test_each_task_with_trainings_gets_two_links(ui: Ui) -> None:
    labels = [line.split(": ")[0] for line in ui.printed if "http" in line and ", " in line]
    assert labels[:4] == ["imdb, table", "imdb, curves", "product, table", "product, curves"]
    assert re.fullmatch(rf"{ui.address}/#/experiments/\d+/runs\?\S+", ui.link("imdb, table"))


def test_every_column_of_the_table_is_logged(ui: Ui) -> None:
    client = mlflow.MlflowClient(store_uri(ui.project))
    experiment = client.get_experiment_by_name("project-imdb")
    view = json.loads(experiment.tags["mlflow.sharedViewState.rnnbench"])
    query = "tags.variant = 'imdb_numpy_rnn' and tags.current = 'true'"
    (run,) = client.search_runs([experiment.experiment_id], query)
    logged = {f"metrics.`{name}`" for name in run.data.metrics}
    logged |= {f"params.`{name}`" for name in run.data.params}
    # These are set after the comparison.
    logged |= {"tags.`interval`", "tags.`champion`"}
    assert set(view["selectedColumns"]) <= logged


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_current_runs_by_name_and_their_curves(ui: Ui) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(ui.link("imdb, table"))
        for name in ("imdb_majority", "imdb_numpy_rnn"):
            page.get_by_text(name, exact=True).first.wait_for(timeout=60_000)
        for column in ("eval_accuracy", "eval_loss"):
            page.get_by_text(column, exact=True).first.wait_for()
        assert page.get_by_text("imdb_majority seed 42").count() == 0

        page.goto(ui.link("imdb, curves"))
        for text in ("imdb_majority", "imdb_numpy_rnn", "val_accuracy"):
            page.get_by_text(text, exact=True).first.wait_for(timeout=60_000)
        page.locator("path.js-line").first.wait_for(state="attached", timeout=60_000)
        browser.close()


def test_the_store_can_be_read_while_a_training_is_logged(ui: Ui) -> None:
    statuses: list[int] = []
    stop = threading.Event()

    def read() -> None:
        url = f"{ui.address}/api/2.0/mlflow/experiments/search?max_results=10"
        while not stop.is_set():
            try:
                with urllib.request.urlopen(url) as response:
                    statuses.append(response.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
            except OSError:
                statuses.append(0)

    reader = threading.Thread(target=read)
    reader.start()
    history = ui.project.history("imdb_majority")
    history.write_text(history.read_text().replace("0.52", "0.82"))
    assert log_trainings(ui.project, PARAMS, ["imdb_majority"], pytest.fail)
    stop.set()
    reader.join()
    assert set(statuses) == {200}


def test_ctrl_c_stops_the_server_with_status_0(ui: Ui) -> None:
    ui.process.send_signal(signal.SIGINT)
    assert ui.process.wait(60) == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(ui.address)
