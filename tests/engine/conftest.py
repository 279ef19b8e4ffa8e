import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.helpers import Cluster, make_project, run_study


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("prepared") / "project")


@pytest.fixture(scope="session")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after the study `cells` in local processes."""
    project = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(prepared, project)
    run_study(project, "--jobs", "2")
    return project


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "project"))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """The folder of $GATE, see `tests.engine.gate`."""
    (tmp_path / "gate").mkdir()
    return tmp_path / "gate"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "cluster")
    yield found
    found.stop()
