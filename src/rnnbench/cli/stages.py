"""The stages of dvc.yaml, a subcommand each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

import click

import rnnbench
from rnnbench.cli.common import (
    cluster_option,
    command,
    echo,
    jobs_option,
    print_champions,
    stage,
    stage_argument,
    stage_lock,
    warn,
)
from rnnbench.cli.lock import locked_stages, renamed_variants
from rnnbench.core import machine
from rnnbench.core.environment import SETTINGS
from rnnbench.core.errors import DataError
from rnnbench.core.files import new_directory, write_text
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, check_params, write_plan

strict_option = click.option(
    "--strict",
    is_flag=True,
    envvar="RNNBENCH_STRICT",
    help="Exit with status 1 if MLflow lacks a training; by default that is a warning.",
)


@click.command()
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
    """Report all errors in params.yaml, and write what follows from it to plan.json.

    Also reports a damaged dvc.lock, and renamed variants.
    """
    _warn_of_overridden()
    changed = write_plan(params, workspace.root)
    if changed and "DVC_STAGE" in os.environ:
        # DVC has read the old list of stages before it ran this one.
        raise DataError(
            "params.yaml has other corpora, datasets or variants than plan.json had; "
            "it is written now: run dvc repro once more"
        )
    if stamp is not None:
        # DVC then reruns every stage after an upgrade, and none after an edit of params.yaml.
        write_text(stamp, machine.stamp())
    # As a stage, it runs while DVC may be writing the file.
    else:
        _warn_of_renamed(params, locked_stages(workspace.root / "dvc.lock"))
    click.echo(
        f"{workspace.params.name} is valid: {len(params.corpora)} corpora, "
        f"{len(params.datasets)} datasets, {len(params.variants)} variants"
    )
    if environment:
        _print_environment(workspace.root / "requirements.txt")


@click.command()
@stage_argument("corpus")
@stage
def download(workspace: Workspace, params: Params, corpus: str) -> None:
    """Fetch CORPUS, check its hash, and write it to data/raw."""
    from rnnbench import corpora

    settings = params.corpus(corpus)
    with (
        stage_lock(workspace, "download", corpus),
        new_directory(workspace.raw(corpus)) as directory,
    ):
        corpora.load(params.kind(corpus)).fetch(settings, directory)


@click.command()
@stage_argument("dataset")
@stage
def preprocess(workspace: Workspace, params: Params, dataset: str) -> None:
    """Turn a fetched corpus into DATASET: ids, padding, and the splits."""
    from rnnbench.preprocessing.stage import preprocess as run

    settings = params.dataset(dataset)
    target = workspace.prepared(dataset)
    with stage_lock(workspace, "preprocess", dataset), new_directory(target) as directory:
        raw, seed, splits = workspace.raw(settings.corpus), params.run.seed, params.run.split_count
        kind = params.kind(settings.corpus)
        run(settings, kind, raw, directory, seed, splits)


@click.command()
@stage_argument("variant")
@strict_option
@stage
def train(workspace: Workspace, params: Params, variant: str, strict: bool) -> None:
    """Train all replicates of VARIANT and log them to MLflow, epoch by epoch."""
    from rnnbench.tracking.live import LiveLog
    from rnnbench.tracking.sync import log_trainings
    from rnnbench.training.stage import train as run

    params.variant(variant)
    _warn_of_overridden()
    # A store can fail in the same way while the training runs and after it.
    warn_once = cache(warn)
    with stage_lock(workspace, "train", variant):
        with LiveLog(workspace, params, variant, warn_once) as live:
            run(workspace, params, variant, echo, live)
        logged = log_trainings(workspace, params, [variant], warn_once, live.runs)
        _expect_logged(strict, logged, [variant])
        shutil.rmtree(workspace.checkpoints(variant), ignore_errors=True)


@click.command()
@stage_argument("variant")
@stage
def evaluate(workspace: Workspace, params: Params, variant: str) -> None:
    """Score VARIANT on its evaluation samples."""
    from rnnbench.evaluation.stage import evaluate as run

    params.variant(variant)
    with stage_lock(workspace, "evaluate", variant):
        scores = run(workspace, params, variant, echo)
    if scores.accuracy is None:
        click.echo(f"{variant}  all {scores.diverged} replicates have diverged")
        return
    what = f"within {scores.tolerance:g}" if scores.target == "number" else "accuracy"
    click.echo(
        f"{variant}  {what} {scores.accuracy:.4f}  "
        f"replicates {scores.replicates}  loss {scores.loss:.4g}"
    )


@click.command()
@stage
def report(workspace: Workspace, params: Params) -> None:
    """Compare all variants: write the tables and the pictures in metrics/."""
    from rnnbench.report.stage import report as run

    with stage_lock(workspace, "report", "all"):
        table = run(workspace, params, warn)
    click.echo(f"{len(table)} variants are compared in {workspace.metrics / 'comparison.csv'}")


@click.command()
@stage_argument("name")
@jobs_option
@cluster_option
@stage
def study(workspace: Workspace, params: Params, name: str, jobs: int, cluster: str | None) -> None:
    """Run the trainings of study NAME that are missing, and write its tables and its page.

    What has been trained with the same settings, data, code and versions is kept.
    """
    from rnnbench.report.studies.page import write_page
    from rnnbench.studies.stage import run_study
    from rnnbench.tracking.studies import log_study

    params.study(name)
    with stage_lock(workspace, "study", name):
        run_study(workspace, params, name, jobs, cluster, echo)
        answers = write_page(workspace, params, name)
        log_study(workspace, params, name, warn)
    click.echo("\n".join([params.study(name).question, *answers]))
    click.echo(f"The page is {workspace.study(name) / 'README.md'}")


@click.command()
@stage
def cost(workspace: Workspace, params: Params) -> None:
    """Write the time and the memory of each training to metrics/."""
    from rnnbench.report.costs import write_costs

    with stage_lock(workspace, "cost", "all"):
        table = write_costs(workspace, params)
    click.echo(f"all trainings together: {table['seconds'].sum() / 60:.0f} minutes of one thread")


@click.command()
@strict_option
@stage
def article(workspace: Workspace, params: Params, strict: bool) -> None:
    """Write metrics/comparison.md and report.html, and promote the champions in MLflow."""
    from rnnbench.report.article import write_article
    from rnnbench.report.publication.page import write_report
    from rnnbench.tracking.registry import promote
    from rnnbench.tracking.report import attach_report
    from rnnbench.tracking.sync import log_trainings

    champions = {}
    with stage_lock(workspace, "article", "all"):
        table = write_article(workspace, params)
        page = write_report(workspace, params)
        # MLflow does not know yet which trainings DVC has restored from its cache.
        logged = log_trainings(workspace, params, table["variant"], warn)
        if logged:
            champions = promote(workspace, params, warn)
            attach_report(workspace, warn)
        _expect_logged(strict, logged, table["variant"])
    columns = ["variant", "accuracy", "accuracy_low", "accuracy_high", "loss", "published"]
    columns.append("verdict")
    shown = table[columns].astype(object).where(table[columns].notna(), None)
    # Numbers have no accuracy, but a share within the tolerance.
    shown = shown.rename(columns={"accuracy": "accuracy or share within the tolerance"})
    click.echo(shown.to_markdown(index=False, floatfmt=".4f", missingval="-"))
    print_champions(champions)
    click.echo(f"open {page} in a browser")


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


def _warn_of_renamed(params: Params, stages: dict[str, Any]) -> None:
    for new, old in renamed_variants(params, stages):
        warn(f"{new} has the settings of {old}, which is trained: dvc repro trains it again")
