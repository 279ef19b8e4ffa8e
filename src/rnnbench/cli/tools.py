"""Subcommands around the stages: they show what is there, and keep MLflow up to date."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli.common import command, port_option, print_champions, warn
from rnnbench.core.errors import ParamsError
from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import BASELINE
from rnnbench.params import Params


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="rerun.md",
    show_default=True,
    help="The page; a picture is written next to it.",
)
@command
def rerun(workspace: Workspace, params: Params, folder: Path, output: Path) -> None:  # noqa: ARG001
    """Compare metrics/ with FOLDER, the metrics of a run with another run.seed."""
    from rnnbench.report.rerun import FOUND, write_rerun

    found = write_rerun(workspace.metrics, folder, output)
    again = int((found["outcome"] == FOUND).sum())
    click.echo(f"{again} of {len(found)} findings are found again; see {output}")


@click.command()
@command
def sync(workspace: Workspace, params: Params) -> None:
    """Log the trainings that MLflow lacks, also those of which it has lost runs, models or files.

    Also updates which runs are current, and promotes the champions. Exits with status 1 if a
    variant of params.yaml is still missing in MLflow, or a task has no champion to predict with.
    """
    from rnnbench.tracking.registry import promote
    from rnnbench.tracking.report import attach_report
    from rnnbench.tracking.store import masked_uri
    from rnnbench.tracking.studies import log_study
    from rnnbench.tracking.sync import log_trainings, reconcile

    reconcile(workspace, params)
    trained = [name for name in params.variants if workspace.cost(name).is_file()]
    logged = log_trainings(workspace, params, trained, warn)
    click.echo(f"{len(logged)} of {len(params.variants)} variants are in {masked_uri(workspace)}")
    if untrained := [name for name in params.variants if name not in trained]:
        warn(f"not trained yet; run dvc repro: {', '.join(untrained)}")
    for name in params.studies:
        if (workspace.study(name) / "README.md").is_file():
            log_study(workspace, params, name, warn)
    promoted = {}
    if (workspace.metrics / "comparison.csv").is_file():
        promoted = promote(workspace, params, warn)
        attach_report(workspace, warn)
        print_champions(promoted)
    networks = [name for name, v in params.variants.items() if v.role != BASELINE]
    tasks = set(map(params.corpus_of, networks))
    if without := sorted(tasks - promoted.keys()):
        warn(f"no champion of {', '.join(without)}, which predict needs; run dvc repro")
    if len(logged) < len(params.variants) or without:
        raise SystemExit(1)


@click.command()
@port_option(5000)
@command
def ui(workspace: Workspace, params: Params, port: int) -> None:
    """Start the MLflow UI and print links into it.

    Each task has a link to the table of its current runs and one to their learning curves.
    """
    from rnnbench.serving.ui import run_ui

    run_ui(workspace, params, port, click.echo)


@click.command()
@click.argument("variant")
@command
def show(workspace: Workspace, params: Params, variant: str) -> None:
    """Print the layers, shapes and parameters of VARIANT, trained if it is."""
    from rnnbench import models
    from rnnbench.data.format import read_meta
    from rnnbench.training.outputs import find_model

    settings = params.variant(variant)
    family = models.model_class(settings.model)
    if path := find_model(workspace, variant, settings):
        click.echo(f"{path.relative_to(workspace.root)}\n{family.load(path).summary()}")
        return
    meta = read_meta(workspace.prepared(settings.dataset))
    try:
        summary = family.build(settings, meta, params.run.seed).summary()
    except ParamsError as error:
        raise error.under(f"variants.{variant}") from error
    click.echo(f"no trained model has these settings\n{summary}")


@click.command()
@click.argument("dataset")
@click.argument("number", type=click.IntRange(min=0))
@command
def decode(workspace: Workspace, params: Params, dataset: str, number: int) -> None:
    """Print sample NUMBER of DATASET with its label. Texts are numbered as by Keras."""
    from rnnbench.preprocessing.inspect import find_sample

    params.dataset(dataset)
    sample = find_sample(workspace.prepared(dataset), number)
    click.echo(f"sample {number}, {sample.part}, {sample.label}, {sample.length}")
    click.echo(sample.text)
