"""Against a really started server, and in a real browser where there is one."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from rnnbench.serving.ui import links
from rnnbench.tracking import sync as tracking
from tests.frozen import PARAMS

ROOT = Path(__file__).parents[2]
# Models that cost nothing to make.
LOGGED = ("product_mean", "imdb_majority", "imdb_numpy_rnn")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def project(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ui") / "project"
    shutil.copytree(invented, folder)
    shutil.copy(ROOT / "params.yaml", folder)
    workspace = Workspace(folder)
    for name in LOGGED:
        settings = PARAMS.variant(name)
        family = models.load(settings.model).model_class()
        meta = read_meta(workspace.prepared(settings.dataset))
        for replicate in range(3):
            path = workspace.model(name, replicate, family.SUFFIX)
            family.build(settings, meta, 1).save(path)
    return folder


@pytest.fixture(scope="module")
def printed(project: Path, start_server) -> Iterator[list[str]]:
    """What `rnnbench ui` printed; its server runs."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
            patch.delenv(variable, raising=False)
        for name in LOGGED:
            assert tracking.record(Workspace(project), PARAMS, name, pytest.fail)
        log = project / "log"
        command = [str(Path(sys.executable).with_name("rnnbench")), "ui"]
        with (
            log.open("w") as output,
            start_server(command, cwd=project, stdout=output, stderr=output),
        ):
            yield log.read_text().splitlines()


def link(printed: list[str], head: str) -> str:
    return next(line.removeprefix(f"{head}: ") for line in printed if line.startswith(head))


def test_without_a_training_it_says_what_to_do(tmp_path, monkeypatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    (line,) = links(Workspace(tmp_path), PARAMS, "http://127.0.0.1:5000")
    assert "dvc repro" in line


def test_each_task_with_trainings_gets_two_links(printed: list[str]) -> None:
    heads = [line.split(": ")[0] for line in printed if "http" in line and ", " in line]
    assert heads[:4] == ["imdb, table", "imdb, curves", "product, table", "product, curves"]
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+/#/experiments/\d+/runs\?\S+", link(printed, "imdb, table")
    )


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_current_runs_by_name_and_their_curves(printed: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1200})
        page.goto(link(printed, "imdb, table"))
        for name in ("imdb_majority", "imdb_numpy_rnn"):
            page.get_by_text(name, exact=True).first.wait_for(timeout=60_000)
        for column in ("evaluation_accuracy", "evaluation_loss"):
            page.get_by_text(column, exact=True).first.wait_for()
        assert page.get_by_text("imdb_majority seed 42").count() == 0

        page.goto(link(printed, "imdb, curves"))
        for text in ("imdb_majority", "imdb_numpy_rnn", "val_accuracy"):
            page.get_by_text(text, exact=True).first.wait_for(timeout=60_000)
        page.locator("path.js-line").first.wait_for(state="attached", timeout=60_000)
        browser.close()
