"""The `rnnbench` command: one subcommand a stage, and tools around them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

import rnnbench
from rnnbench.cli.common import command, echo, port_option, stage_argument, stage_lock, warn
from rnnbench.cli.lock import locked_stages, renamed_variants
from rnnbench.cli.predict import predict
from rnnbench.cli.serve import serve
from rnnbench.core import machine
from rnnbench.core.environment import SETTINGS
from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import BASELINE
from rnnbench.params import Params, check_params

strict_option = click.option(
    "--strict",
    is_flag=True,
    envvar="RNNBENCH_STRICT",
    help="Exit with status 1 if MLflow lacks a training; by default that is a warning.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnnbench")
@click.option(
    "--debug",
    is_flag=True,
    # The entry point looks for it, since an import can fail before this option is read.
    expose_value=False,
    help="Print the traceback of an error; RNNBENCH_DEBUG=1 does too, under dvc repro for one.",
)
def main() -> None:
    """Compare recurrent networks, reproducibly. `dvc repro` runs all stages in order."""


@main.command()
@click.option(
    "--stamp",
    type=click.Path(path_type=Path),
    help="Write the versions and settings that decide bytes here if params.yaml is valid.",
)
@click.option(
    "--environment",
    is_flag=True,
    help="Print what else decides the bytes of results here; exit with status 1 if they may "
    "differ from those of other machines.",
)
@partial(command, load=check_params)
def check(workspace: Workspace, params: Params, stamp: Path | None, environment: bool) -> None:
    """Report all errors in params.yaml, whether dvc.lock is damaged, and renamed variants."""
    _warn_of_overridden()
    if stamp is not None:
        # DVC then reruns every stage after an upgrade, and none after an edit of params.yaml.
        write_text(stamp, machine.stamp())
    # As a stage, it runs while DVC may be writing the file.
    else:
        _warn_of_renamed(workspace, locked_stages(workspace.root / "dvc.lock"))
    click.echo(
        f"{workspace.params.name} is valid: {len(params.corpora)} corpora, "
        f"{len(params.datasets)} datasets, {len(params.variants)} variants"
    )
    if environment:
        _print_environment(workspace.root / "requirements.txt")


@main.command()
@stage_argument("corpus")
@command
def download(workspace: Workspace, params: Params, corpus: str) -> None:
    """Fetch CORPUS, check its hash, and write it to data/raw."""
    from rnnbench import corpora

    settings = params.corpus(corpus)
    with (
        stage_lock(workspace, "download", corpus),
        new_directory(workspace.raw(corpus)) as directory,
    ):
        corpora.load(corpus).fetch(settings, directory)


@main.command()
@stage_argument("dataset")
@command
def preprocess(workspace: Workspace, params: Params, dataset: str) -> None:
    """Turn a fetched corpus into DATASET: ids, padding, and the splits."""
    from rnnbench.preprocessing.stage import preprocess as run

    settings = params.dataset(dataset)
    target = workspace.prepared(dataset)
    with stage_lock(workspace, "preprocess", dataset), new_directory(target) as directory:
        raw, seed, splits = workspace.raw(settings.corpus), params.run.seed, params.run.split_count
        run(settings, raw, directory, seed, splits)


@main.command()
@stage_argument("variant")
@strict_option
@command
def train(workspace: Workspace, params: Params, variant: str, strict: bool) -> None:
    """Train all replicates of VARIANT and log them to MLflow, epoch by epoch."""
    from rnnbench.tracking.live import LiveLog
    from rnnbench.tracking.sync import log_trainings
    from rnnbench.training.stage import train as run

    params.variant(variant)
    _warn_of_overridden()
    with stage_lock(workspace, "train", variant):
        with LiveLog(workspace, params, variant, warn) as live:
            run(workspace, params, variant, echo, live)
        logged = log_trainings(workspace, params, [variant], warn, live.runs)
        _expect_logged(strict, logged, [variant])
        shutil.rmtree(workspace.checkpoints(variant), ignore_errors=True)


@main.command()
@stage_argument("variant")
@command
def evaluate(workspace: Workspace, params: Params, variant: str) -> None:
    """Score VARIANT on its evaluation samples."""
    from rnnbench.evaluation.stage import evaluate as run

    params.variant(variant)
    with stage_lock(workspace, "evaluate", variant):
        scores = run(workspace, params, variant, echo)
    if scores.accuracy is None:
        click.echo(f"{variant}  all {scores.diverged} replicates have diverged")
        return
    click.echo(
        f"{variant}  accuracy {scores.accuracy:.4f}  "
        f"replicates {scores.replicates}  loss {scores.loss:.4g}"
    )


@main.command()
@command
def report(workspace: Workspace, params: Params) -> None:
    """Compare all variants: write the tables and the pictures in metrics/."""
    from rnnbench.report.stage import report as run

    with stage_lock(workspace, "report", "all"):
        table = run(workspace, params)
    click.echo(f"{len(table)} variants are compared in {workspace.metrics / 'comparison.csv'}")


@main.command()
@command
def cost(workspace: Workspace, params: Params) -> None:
    """Write the time and the memory of each training to metrics/."""
    from rnnbench.report.costs import write_costs

    with stage_lock(workspace, "cost", "all"):
        table = write_costs(workspace, params)
    click.echo(f"all trainings together: {table['seconds'].sum() / 60:.0f} minutes of one thread")


@main.command()
@strict_option
@command
def article(workspace: Workspace, params: Params, strict: bool) -> None:
    """Write metrics/comparison.md from the tables, and promote the champions in MLflow."""
    from rnnbench.report.article import write_article
    from rnnbench.tracking.registry import promote
    from rnnbench.tracking.sync import log_trainings

    champions = {}
    with stage_lock(workspace, "article", "all"):
        table = write_article(workspace, params)
        # MLflow does not know yet which trainings DVC has restored from its cache.
        logged = log_trainings(workspace, params, params.variants, warn)
        if logged:
            champions = promote(workspace, params, warn)
        _expect_logged(strict, logged, params.variants)
    columns = ["variant", "accuracy", "accuracy_low", "accuracy_high", "loss", "published"]
    columns.append("verdict")
    shown = table[columns].astype(object).where(table[columns].notna(), None)
    click.echo(shown.to_markdown(index=False, floatfmt=".4f", missingval="-"))
    _print_champions(champions)


@main.command()
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


@main.command()
@command
def sync(workspace: Workspace, params: Params) -> None:
    """Log the trainings that MLflow lacks, also those of which it has lost runs, models or files.

    Also updates which runs are current, and promotes the champions. Exits with status 1 if a
    variant of params.yaml is still missing in MLflow, or a task has no champion to predict with.
    """
    from rnnbench.tracking.registry import promote
    from rnnbench.tracking.store import masked_uri
    from rnnbench.tracking.sync import log_trainings, reconcile

    reconcile(workspace, params)
    trained = [name for name in params.variants if workspace.cost(name).is_file()]
    logged = log_trainings(workspace, params, trained, warn)
    click.echo(f"{len(logged)} of {len(params.variants)} variants are in {masked_uri(workspace)}")
    if untrained := [name for name in params.variants if name not in trained]:
        warn(f"not trained yet; run dvc repro: {', '.join(untrained)}")
    promoted = {}
    if (workspace.metrics / "comparison.csv").is_file():
        promoted = promote(workspace, params, warn)
        _print_champions(promoted)
    networks = [v.dataset for v in params.variants.values() if v.role != BASELINE]
    tasks = {params.dataset(dataset).corpus for dataset in networks}
    if without := sorted(tasks - promoted.keys()):
        warn(f"no champion of {', '.join(without)}, which predict needs; run dvc repro")
    if len(logged) < len(params.variants) or without:
        raise SystemExit(1)


@main.command()
@port_option(5000)
@command
def ui(workspace: Workspace, params: Params, port: int) -> None:
    """Start the MLflow UI and print links into it.

    Each task has a link to the table of its current runs and one to their learning curves.
    """
    from rnnbench.serving.ui import run_ui

    run_ui(workspace, params, port, click.echo)


@main.command()
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


@main.command()
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


def _expect_logged(strict: bool, logged: list[str], names: Iterable[str]) -> None:
    """Raise DataError if `strict` and a variant is not in MLflow."""
    if strict and (missing := sorted(set(names) - set(logged))):
        raise DataError(f"not in MLflow, which --strict makes an error: {', '.join(missing)}")


def _warn_of_overridden() -> None:
    if rnnbench.OVERRIDDEN:
        names = ", ".join(rnnbench.OVERRIDDEN)
        warn(f"ignoring {names} of the environment, which could change results")


def _print_environment(lock: Path) -> None:
    here = machine.this_machine()
    click.echo(f"CPU      {here.cpu}\nsystem   {here.system}, Python {here.python}")
    click.echo(
        "".join(f"library  {name} {found}\n" for name, found in here.versions.items()), nl=False
    )
    click.echo("".join(f"sets     {name}={value}\n" for name, value in SETTINGS.items()), nl=False)
    if found := machine.differences(here, lock):
        click.echo("results may differ from those of other machines:")
        click.echo("\n".join(f"- {reason}" for reason in found))
        raise SystemExit(1)
    click.echo(f"results have the same bytes on every x86-64 CPU with AVX2 and {here.system}")


def _warn_of_renamed(workspace: Workspace, stages: dict[str, Any]) -> None:
    for new, old in renamed_variants(workspace.root, stages):
        warn(f"{new} has the settings of {old}, which is trained: dvc repro trains it again")


def _print_champions(champions: dict[str, str]) -> None:
    for corpus, variant in champions.items():
        click.echo(f"champion of {corpus}: {variant}")


main.add_command(predict)
main.add_command(serve)
