import shutil
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from rnnbench.report.results import Result, read_results
from rnnbench.report.stage import report
from tests.frozen import PARAMS


@pytest.fixture(scope="session")
def evaluated(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "workspace"
    shutil.copytree(invented, folder)
    for name in PARAMS.variants:
        evaluate(Workspace(folder), PARAMS, name)
    return folder


@pytest.fixture(scope="session")
def invented_results(evaluated: Path) -> list[Result]:
    return read_results(Workspace(evaluated), PARAMS)


@pytest.fixture(scope="session")
def reported(evaluated: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace after its report; not to be written to."""
    folder = tmp_path_factory.mktemp("reported") / "workspace"
    shutil.copytree(evaluated, folder)
    report(Workspace(folder), PARAMS)
    return Workspace(folder)


@pytest.fixture
def scored(evaluated: Path, tmp_path: Path) -> Workspace:
    """A workspace before its report."""
    shutil.copytree(evaluated, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def compared(reported: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    read = [pd.read_csv(reported.metrics / f"{name}.csv") for name in ("comparison", "pairs")]
    return read[0], read[1]
