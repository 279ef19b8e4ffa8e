"""The cost stage: what each training took, which differs from run to run."""

from __future__ import annotations

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import read_scores
from rnnbench.params import Params
from rnnbench.report.markdown import render
from rnnbench.report.outputs import finished
from rnnbench.report.pictures import draw_costs
from rnnbench.training.outputs import read_cost


def write_costs(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write metrics/cost.csv, cost.md and cost.svg; return the table.

    One row per variant, in the order of params.yaml. Raises DataError if a variant's files are
    missing or damaged.
    """
    rows = []
    for name, variant in params.variants.items():
        scores = read_scores(workspace, name)
        rows.append(
            {
                "corpus": params.dataset(variant.dataset).corpus,
                "variant": name,
                "accuracy": scores.accuracy,
                "parameters": scores.parameters,
                "replicates": scores.replicates,
                **read_cost(workspace, name).model_dump(),
            }
        )
    table = pd.DataFrame(rows)
    minutes = table["seconds"].sum() / 60
    shown = table.drop(columns="accuracy").to_markdown(index=False)
    page = render("cost.md.j2", table=shown, minutes=minutes)
    write_text(workspace.metrics / "cost.csv", table.to_csv(index=False))
    write_text(workspace.metrics / "cost.md", page)
    draw_costs(workspace.metrics / "cost.svg", finished(table))
    return table
