"""`rnnbench publish` and `rnnbench merge`, the installed commands."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench.core.workspace import Workspace
from tests.frozen import PARAMS_FILE

COMMAND = str(Path(sys.executable).with_name("rnnbench"))


def run(folder: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def people(reported: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two projects with the same results, but for one score."""
    folder = tmp_path_factory.mktemp("people")
    for name in ("anna", "ben"):
        shutil.copytree(reported.metrics, folder / name / "metrics")
        shutil.copy(PARAMS_FILE, folder / name / "params.yaml")
    path = folder / "ben" / "metrics" / "replicates" / "imdb_embedding_gru.csv"
    header, first, *rest = path.read_text().splitlines()
    values = dict(zip(header.split(","), first.split(","), strict=True)) | {"accuracy": "0.123"}
    path.write_text("\n".join([header, ",".join(values.values()), *rest]) + "\n")
    return folder


def test_two_people_merge_what_they_have_published(people: Path) -> None:
    for name in ("anna", "ben"):
        assert "index.html" in run(people / name, "publish", "../sites/" + name)
    # The second half needs no project.
    output = run(people / "sites", "merge", "anna", "ben", "--output", "both")
    assert "anna and ben: " in output
    assert "trainings of the same seed with other scores: 1" in output
    page = (people / "sites" / "both" / "index.html").read_text()
    assert "1 trainings of the same seed with other scores" in page
    # A merged folder can be merged with a third one.
    run(people / "anna", "publish", "../sites/clara", "--label", "clara")
    again = run(people / "sites", "merge", "both", "clara", "--output", "three", status=1)
    assert "anna and clara are the same results" in again
    changed = json.loads((people / "sites" / "clara" / "results.json").read_text())
    changed["publications"][0]["seed"] = 7
    (people / "sites" / "clara" / "results.json").write_text(json.dumps(changed))
    again = run(people / "sites", "merge", "both", "clara", "--output", "three")
    pairs = [line.split(":")[0] for line in again.splitlines()[:-1]]
    assert pairs == ["anna and ben", "anna and clara", "ben and clara"]
    assert "give another --output" in run(
        people / "sites", "merge", "anna", "ben", "--output", "anna", status=1
    )


def test_a_merge_of_one_result_or_of_no_result_is_an_error(people: Path) -> None:
    run(people / "anna", "publish", "../one")
    assert "two" in run(people, "merge", "one", status=1)
    assert "ben is no published folder" in run(people, "merge", "one", "ben", status=1)
    assert "absent is no published folder" in run(people, "merge", "one", "absent", status=1)


def test_no_path_of_the_machine_is_published(people: Path) -> None:
    run(people / "anna", "publish", "../here", "--label", "x")
    for path in (people / "here").iterdir():
        assert str(people) not in path.read_text()


def test_files_of_the_user_are_not_replaced(people: Path) -> None:
    site = people / "host"
    site.mkdir()
    (site / "CNAME").write_text("example.org")
    run(people / "anna", "publish", "../host")
    run(people / "anna", "publish", "../host")
    assert (site / "CNAME").read_text() == "example.org"
    (people / "mine").mkdir()
    (people / "mine" / "index.html").write_text("my own page")
    output = run(people / "anna", "publish", "../mine", status=1)
    assert "was not written by rnnbench publish" in output
    assert (people / "mine" / "index.html").read_text() == "my own page"
