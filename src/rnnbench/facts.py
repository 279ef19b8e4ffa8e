"""What a finished training tells of itself, beside its models, answers and history."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rnnbench.settings import Settings, read_settings
from rnnbench.workspace import Workspace, write_text


class Facts(Settings):
    """models/VARIANT/training.json.

    variant: its name. parameters: how many a model has. seeds: one a replicate.
    diverged: the replicates, counted from 0, whose loss became no number, and in which epoch.
    settings: what of the variant's settings decides the training.
    """

    variant: str
    parameters: int
    seeds: list[int] = Field(min_length=1)
    diverged: dict[int, int]
    settings: dict[str, Any]


class Cost(Settings):
    """data/cost/VARIANT.json: wall-clock seconds, and MiB, which differ from run to run."""

    seconds: float
    seconds_per_replicate: float
    peak_memory_mib: int


def read_facts(workspace: Workspace, name: str) -> Facts:
    """The facts of a variant's training; raises DataError if they are missing or damaged."""
    return read_settings(workspace.facts(name), Facts)


def read_cost(workspace: Workspace, name: str) -> Cost:
    """The cost of a variant's training; raises DataError if it is missing or damaged."""
    return read_settings(workspace.cost(name), Cost)


def write_cost(workspace: Workspace, name: str, cost: Cost) -> None:
    """Write the cost of a variant's training."""
    write_text(workspace.cost(name), cost.model_dump_json(indent=2) + "\n")
