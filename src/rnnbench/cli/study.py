"""`rnnbench study`: the stage of dvc.yaml that runs a study, and the same by hand."""

from __future__ import annotations

import os

import click

from rnnbench.cli.common import echo, stage, stage_argument, stage_lock
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params


def usable_cores() -> int:
    """The number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    envvar="JOBS",
    default=usable_cores,
    show_default="the number of cores",
    help="How many processes of this machine train.",
)
cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    envvar="CLUSTER",
    # An empty variable is none.
    callback=lambda _context, _parameter, value: value or None,
    help="Train on the workers of a Dask scheduler instead, such as tls://head:8786.",
)


@click.command()
@stage_argument("name")
@jobs_option
@cluster_option
@stage
def study(workspace: Workspace, params: Params, name: str, jobs: int, cluster: str | None) -> None:
    """Run the trainings of study NAME that are missing, and write its tables and its page."""
    from rnnbench.report.studies.page import write_page
    from rnnbench.studies.stage import run_study

    params.study(name)
    with stage_lock(workspace, "study", name):
        run_study(workspace, params, name, jobs, cluster, echo)
        answers = write_page(workspace, params, name)
    click.echo("\n".join([params.study(name).question, *answers]))
    click.echo(f"The page is {workspace.study(name) / 'README.md'}")
