"""The cost stage: what each training took, which differs from run to run."""

from __future__ import annotations

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.machine import Machine
from rnnbench.core.schema import Schema, write_json
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.outputs import read_scores
from rnnbench.params import Params
from rnnbench.report.markdown import render
from rnnbench.report.outputs import finished
from rnnbench.report.pictures import draw_costs
from rnnbench.report.results import present
from rnnbench.training.outputs import read_cost


class TrainedOn(Schema):
    """A machine, and the variants that were trained on it."""

    machine: Machine
    variants: list[str]


class Machines(Schema):
    """metrics/cost.json: all machines of the trainings."""

    machines: list[TrainedOn]


def write_costs(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write metrics/cost.csv, cost.md, cost.svg and cost.json; return the table.

    One row per variant that `rnnbench.report.results.present` finds, in the order of params.yaml.
    Raises DataError if a file of theirs is missing or damaged, or if there is no such variant.
    """
    rows, machines = [], {}
    for name in present(workspace, params):
        scores, cost = read_scores(workspace, name), read_cost(workspace, name)
        machines[name] = cost.machine
        rows.append(
            {
                "corpus": params.corpus_of(name),
                "variant": name,
                "target": scores.target,
                "accuracy": scores.accuracy,
                "loss": scores.loss,
                "parameters": scores.parameters,
                "replicates": scores.replicates,
                **cost.model_dump(exclude={"machine"}),
            }
        )
    table = pd.DataFrame(rows)
    minutes = table["seconds"].sum() / 60
    shown = table.drop(columns=["target", "accuracy", "loss"]).to_markdown(index=False)
    distinct = Machines(machines=_by_machine(machines))
    page = render(
        "cost.md.j2", table=shown, minutes=minutes, machines=distinct.machines, variants=len(rows)
    )
    write_json(workspace.metrics / "cost.json", distinct)
    write_text(workspace.metrics / "cost.csv", table.to_csv(index=False))
    write_text(workspace.metrics / "cost.md", page)
    draw_costs(workspace.metrics / "cost.svg", finished(table))
    return table


def _by_machine(machines: dict[str, Machine]) -> list[TrainedOn]:
    variants: dict[str, list[str]] = {}
    for name, machine in machines.items():
        variants.setdefault(machine.model_dump_json(), []).append(name)
    return [
        TrainedOn(machine=Machine.model_validate_json(machine), variants=names)
        for machine, names in variants.items()
    ]
