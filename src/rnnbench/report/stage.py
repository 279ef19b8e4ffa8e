"""The report stage: the results of all variants -> tables, pictures and an article.

Never imports TensorFlow.
"""

from __future__ import annotations

import pandas as pd
from threadpoolctl import threadpool_limits

from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.error_analysis import COLUMNS, confident_misclassifications
from rnnbench.params import Params
from rnnbench.report import tables
from rnnbench.report.article import article, cost_page
from rnnbench.report.comparison import compare_all
from rnnbench.report.pictures import draw_all, draw_costs
from rnnbench.report.results import read_results
from rnnbench.report.roles import finished


def report(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write all tables as CSV, comparison.md, cost.md and the pictures to metrics/.

    The comparison, which is returned too, has the corpora in the order of params.yaml and the best
    variant of each corpus first. Raises DataError if a variant's files are missing or damaged.
    """
    # The bytes of a matrix product depend on the number of threads.
    with threadpool_limits(1):
        return _report(workspace, params)


def _report(workspace: Workspace, params: Params) -> pd.DataFrame:
    every = read_results(workspace, params)
    results = [result for result in every if result.finished]
    comparison, pairs = compare_all(every, params.published)
    costs = tables.costs(every)
    wrong = [confident_misclassifications(workspace, params, result.name) for result in results]
    found = {
        "comparison": comparison,
        "cost": costs,
        "pairs": pairs.round(6),
        "learning_curves": tables.learning_curves(results).round(6),
        "scatter": tables.scatter(results).round(4),
        "calibration": tables.calibration_curves(results).round(6),
        "classes": tables.classes(results).round(6),
        "confusion": tables.confusions(results).round(4),
        "confident_misclassifications": pd.concat([pd.DataFrame(columns=list(COLUMNS)), *wrong]),
    }
    for name, table in found.items():
        text = table.to_csv(index=False, lineterminator="\n")
        write_text(workspace.metrics / f"{name}.csv", text)
    with new_directory(workspace.metrics / "pictures") as directory:
        draw_all(directory, found | {"comparison": finished(comparison)})
        drawn = {path.name for path in directory.iterdir()}
    draw_costs(workspace.metrics / "cost.svg", finished(costs))
    text = article(comparison, pairs, results, params.published, drawn)
    write_text(workspace.metrics / "comparison.md", text)
    write_text(workspace.metrics / "cost.md", cost_page(costs))
    return comparison
