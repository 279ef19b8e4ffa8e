from pathlib import Path

import pytest
from mlflow.tracking._tracking_service import utils

from rnnbench.core.workspace import Workspace
from rnnbench.tracking.sync import log_trainings
from tests.frozen import PARAMS
from tests.stores import copy_of, new_project

NAMES = ("imdb_numpy_rnn", "imdb_majority")


@pytest.fixture(scope="package")
def logged(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The store has the trainings of two variants; not to be written to."""
    workspace = new_project(invented, tmp_path_factory.mktemp("logged") / "project", NAMES)
    assert log_trainings(workspace, PARAMS, NAMES, pytest.fail) == list(NAMES)
    return workspace


@pytest.fixture
def project(logged: Workspace, tmp_path: Path) -> Workspace:
    """A copy of `logged`."""
    # MLflow remembers where the artifacts of a run are, and all copies have the same runs.
    utils._artifact_repos_cache.clear()
    return copy_of(logged, tmp_path / "project")
