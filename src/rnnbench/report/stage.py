"""The report stage: the results of all variants -> tables and pictures.

Never imports TensorFlow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pandas as pd

from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import rounded
from rnnbench.params import Params
from rnnbench.report.comparison import compare_all
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.outputs import finished
from rnnbench.report.pictures import draw_all
from rnnbench.report.questions import ask
from rnnbench.report.results import read_results
from rnnbench.report.tables import further_tables


def report(
    workspace: Workspace, params: Params, warn: Callable[[str], None] = warnings.warn
) -> pd.DataFrame:
    """Write all tables as CSV and the pictures to metrics/; return the comparison.

    The comparison has the corpora in the order of params.yaml and the best variant of each corpus
    first. Calls `warn` once for each variant of params.yaml that is not trained and evaluated with
    its settings; the tables are of the others. Raises DataError if there is no other one, or if a
    file is damaged.
    """
    every = read_results(workspace, params, warn)
    results = [result for result in every if result.finished]
    sets = evaluation_sets(every)
    comparison, pairs = compare_all(sets, params.published, params.comparison)
    questions = ask(params.questions, sets, params.comparison)
    tables = {
        "comparison": comparison,
        "pairs": pairs.map(rounded),
        "questions": questions.map(rounded),
        **further_tables(results),
    }
    for name, table in tables.items():
        write_text(workspace.metrics / f"{name}.csv", table.to_csv(index=False))
    with new_directory(workspace.metrics / "pictures") as directory:
        replicates = {result.name: result.replicates for result in results}
        draw_all(directory, tables | {"comparison": finished(comparison)}, replicates)
    return comparison
