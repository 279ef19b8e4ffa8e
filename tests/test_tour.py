"""docs/tour.ipynb, executed in a copy of what it reads."""

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from tests.pipeline.helpers import BIN

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "tour.ipynb"
INTERVAL = re.compile(r"\(-?\d\.\d+ to -?\d\.\d+\)")


@pytest.fixture
def project(tmp_path: Path, imdb_raw: Path) -> Path:
    """A clone after `make quick`: it has results and reviews, but no prepared data or models."""
    folder = tmp_path / "project"
    (folder / "docs").mkdir(parents=True)
    shutil.copy(NOTEBOOK, folder / "docs")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "metrics").mkdir()
    for path in (ROOT / "metrics").glob("*.csv"):
        shutil.copy(path, folder / "metrics")
    shutil.copytree(imdb_raw, folder / "quick" / "data" / "raw" / "imdb")
    return folder


@pytest.fixture
def stored() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_the_tour_trains_and_explains_a_variant(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    # Settings and start-up files of the user's would run too.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    before = files(project)
    notebook = nbformat.read(project / "docs" / NOTEBOOK.name, as_version=4)
    resources = {"metadata": {"path": str(project / "docs")}}
    # A kernel that is killed removes nothing.
    patient = Config(KernelManager={"shutdown_wait_time": 60})
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources, config=patient
    ).execute()
    printed = {cell.id: text(cell) for cell in notebook.cells if cell.cell_type == "code"}

    assert re.search(r"^imdb_majority +0\.\d+", printed["table"], re.MULTILINE)
    answers = [line for line in printed["answers"].splitlines() if "? " in line]
    assert answers
    assert all(INTERVAL.search(answer) for answer in answers)

    rows = re.findall(r"^\| (\S+) +\| (0\.\d+) +\|", printed["training"], re.MULTILINE)
    accuracy = {name: float(value) for name, value in rows}
    # A network that has learned nothing may be ahead of the baseline too, but not by so much.
    assert accuracy["my_gru"] > accuracy["majority"] + 0.1
    assert "Does my GRU beat an LSTM? " in printed["training"]
    comparison = printed["comparison"]
    assert re.search(
        r"accuracy of my_gru minus that of lstm is \S+ " + INTERVAL.pattern, comparison
    )

    words = re.findall(r"^\d+ +(\S+) +(-?\d\.\d+)$", printed["explanation"], re.MULTILINE)
    effects = {word: float(effect) for word, effect in words}
    assert effects["wonderful"] * effects["awful"] < 0

    assert files(project) == before
    # The kernel removes its folder when it stops.
    assert not list(temporary.glob("rnnbench-tour-*"))


def test_stored_outputs_are_free_of_errors_and_of_this_machine(stored: NotebookNode) -> None:
    assert stored.metadata.kernelspec.name == "python3"
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    # Times, and whatever else an editor or a tool has written.
    assert all(cell.metadata == {} for cell in stored.cells)
    for cell in code:
        kinds = {output.get("name", output.output_type) for output in cell.outputs}
        assert kinds <= {"stdout", "execute_result"}, cell.id
        for found in (r"(?<![\w.<])/\w+/\w", r"Error\b", "[Ww]arning"):
            assert not re.search(found, text(cell)), cell.id


def test_links_lead_to_files(stored: NotebookNode) -> None:
    pages = "\n".join(cell.source for cell in stored.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", pages)
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*"))


def text(cell: NotebookNode) -> str:
    """What a cell printed, and the plain text of its value."""
    shown = (o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs)
    return "".join(shown).replace("\r\n", "\n")
