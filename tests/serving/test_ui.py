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
from typing import TYPE_CHECKING, NamedTuple

import mlflow
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.serving.ui import links
from rnnbench.tracking.registry import promote
from rnnbench.tracking.store import store_uri
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import empty_store, new_project
from tests.tracking.champions import make_best

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
    make_best(project, "imdb_numpy_rnn")
    assert promote(project, PARAMS, pytest.fail)
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
    logged |= {f"tags.`{name}`" for name in run.data.tags}
    assert set(view["selectedColumns"]) <= logged


@pytest.fixture(scope="module")
def page(ui: Ui) -> Iterator["Page"]:
    """A page of a screen of 1600 x 1000, with the panel closed that opens itself once."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto(ui.address)
        page.locator("[data-component-id='mlflow.assistant.chat_panel.close']").click()
        yield page
        browser.close()


def test_a_browser_shows_the_current_runs_and_first_what_the_comparison_says(
    ui: Ui, page: "Page"
) -> None:
    page.goto(ui.link("imdb, table"))
    for name in ("imdb_majority", "imdb_numpy_rnn"):
        page.get_by_text(name, exact=True).first.wait_for()
    assert page.get_by_text("imdb_majority seed 42").count() == 0
    columns = ["interval", "champion", "verdict", "group", "eval_accuracy", "eval_loss"]
    headers = [page.get_by_text(column, exact=True) for column in columns]
    places = [header.first.bounding_box()["x"] for header in headers]
    assert places == sorted(places)
    assert places[-1] < 1500
    for value in ("0.4000 to 0.6000", "equivalent"):
        assert page.get_by_text(value, exact=True).count() == 1


def test_a_browser_shows_the_curves_of_validation_first(ui: Ui, page: "Page") -> None:
    page.goto(ui.link("imdb, curves"))
    page.locator("path.js-line").first.wait_for(state="attached")
    place = {
        metric: page.get_by_text(metric, exact=True).first.bounding_box()
        for metric in ("val_accuracy", "val_loss", "accuracy")
    }
    assert place["val_accuracy"]["x"] < place["val_loss"]["x"]
    assert place["val_accuracy"]["y"] == place["val_loss"]["y"] < 500
    assert place["accuracy"]["y"] > place["val_accuracy"]["y"] + 300


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
