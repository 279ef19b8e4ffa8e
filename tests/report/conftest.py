import shutil
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from rnnbench.report.article import write_article
from rnnbench.report.costs import write_costs
from rnnbench.report.outputs import read_table
from rnnbench.report.results import Result, read_results
from rnnbench.report.stage import report
from tests.frozen import PARAMS


@pytest.fixture(scope="session")
def evaluated(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace before its report; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("evaluated") / "workspace")
    shutil.copytree(invented, workspace.root)
    for name in PARAMS.variants:
        evaluate(workspace, PARAMS, name)
    return workspace


@pytest.fixture(scope="session")
def invented_results(evaluated: Workspace) -> list[Result]:
    return read_results(evaluated, PARAMS)


@pytest.fixture(scope="session")
def reported(evaluated: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace after its report, costs and article; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("reported") / "workspace")
    shutil.copytree(evaluated.root, workspace.root)
    report(workspace, PARAMS)
    write_costs(workspace, PARAMS)
    write_article(workspace, PARAMS)
    return workspace


@pytest.fixture(scope="session")
def compared(reported: Workspace) -> tuple[pd.DataFrame, ...]:
    """The comparison, its pairs, and the questions."""
    names = ("comparison", "pairs", "questions")
    return tuple(read_table(reported.metrics, name) for name in names)
