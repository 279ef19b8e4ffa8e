"""The report stage: the results of all variants -> tables and pictures.

Never imports TensorFlow.
"""

from __future__ import annotations

import pandas as pd
from threadpoolctl import threadpool_limits

from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.report import tables
from rnnbench.report.comparison import compare_all
from rnnbench.report.outputs import finished
from rnnbench.report.pictures import draw_all
from rnnbench.report.results import read_results


def report(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write all tables as CSV and the pictures to metrics/; return the comparison.

    The comparison has the corpora in the order of params.yaml and the best variant of each corpus
    first. Raises DataError if a variant's files are missing or damaged.
    """
    # The bytes of a matrix product depend on the number of threads.
    with threadpool_limits(1):
        every = read_results(workspace, params)
        results = [result for result in every if result.finished]
        comparison, pairs = compare_all(every, params.published)
        found = {
            "comparison": comparison,
            "pairs": pairs.round(6),
            "learning_curves": tables.learning_curves(results).round(6),
            "scatter": tables.scatter(results).round(4),
            "calibration": tables.calibration_curves(results).round(6),
            "classes": tables.classes(results).round(6),
            "confusion": tables.confusions(results).round(4),
        }
        for name, table in found.items():
            text = table.to_csv(index=False, lineterminator="\n")
            write_text(workspace.metrics / f"{name}.csv", text)
        with new_directory(workspace.metrics / "pictures") as directory:
            draw_all(directory, found | {"comparison": finished(comparison)})
    return comparison
