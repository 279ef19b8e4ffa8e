"""`rnnbench quick`: a first table in a minute, on a slice of the reviews."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from importlib import resources
from pathlib import Path

import click

from rnnbench.cli.common import command, echo, stage_lock, usable_cores, warn
from rnnbench.cli.stages import download, preprocess
from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, load_params

_FOLDER = "quick"
_NOTE = "A first look, with few samples and trainings: no result of the comparison."


@click.command()
@command
def quick(workspace: Workspace, params: Params) -> None:  # noqa: ARG001
    """Train three small networks and two baselines on a slice of the reviews, in a minute.

    The folder quick/ becomes a small project of its own, without DVC: its params.yaml can be
    edited, and rnnbench works in it (predict, compare, ui). Variants that are trained already with
    the same settings are not trained again.
    """
    # Called inside it, it is the folder itself.
    inside = workspace.root.name == _FOLDER
    folder = workspace if inside else Workspace(workspace.root / _FOLDER)
    if not folder.params.exists():
        text = resources.files("rnnbench.cli").joinpath("quick.yaml").read_text(encoding="utf-8")
        write_text(folder.params, text)
    with stage_lock(folder, "quick", "all"):
        _run(folder)


def _run(folder: Workspace) -> None:
    from rnnbench.report.results import missing

    context = click.get_current_context()
    params = load_params(folder.params)
    # The stages work on the project of the current folder.
    with chdir(folder.root):
        for corpus, settings in params.corpora.items():
            # What is on this machine is read again: it may have changed.
            if settings.inputs or not folder.raw(corpus).exists():
                click.echo(f"reading {corpus}")
                context.invoke(download, corpus=corpus)
        for dataset in params.datasets:
            click.echo(f"preparing {dataset}")
            context.invoke(preprocess, dataset=dataset)
    _train_all(folder, list(missing(folder, params)))
    _report(folder, params)


def _train_all(folder: Workspace, names: list[str]) -> None:
    """Train and evaluate variants, as many at once as there are cores."""
    # A forked process would inherit threads of the libraries.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(usable_cores(), max(1, len(names))), context) as pool:
        for future in [pool.submit(_train, folder.root, name) for name in names]:
            future.result()


def _train(root: Path, name: str) -> None:
    from rnnbench.evaluation.stage import evaluate
    from rnnbench.training.stage import train

    folder = Workspace(root)
    params = load_params(folder.params)
    train(folder, params, name, echo)
    evaluate(folder, params, name, echo)


def _report(folder: Workspace, params: Params) -> None:
    from rnnbench.report.article import write_article
    from rnnbench.report.costs import write_costs
    from rnnbench.report.findings import answers
    from rnnbench.report.markdown import short_table
    from rnnbench.report.outputs import read_table
    from rnnbench.report.publication.page import write_report
    from rnnbench.report.stage import report
    from rnnbench.tracking.registry import promote
    from rnnbench.tracking.sync import log_trainings

    report(folder, params, warn)
    write_costs(folder, params)
    table = write_article(folder, params)
    if log_trainings(folder, params, params.variants, warn):
        promote(folder, params, warn)
        for name in params.variants:
            shutil.rmtree(folder.checkpoints(name), ignore_errors=True)
    page = folder.metrics / "comparison.md"
    write_text(page, f"*{_NOTE}*\n\n{page.read_text(encoding='utf-8')}")
    report_page = write_report(folder, params, _NOTE)
    click.echo(f"\n{short_table(table)}\n")
    questions = read_table(folder.metrics, "questions")
    for answer in answers(questions, params.comparison, set(table["variant"])):
        click.echo(f"{answer['question']} {answer['text']}")
    place = os.path.relpath(folder.root)
    go = "" if place == "." else f"cd {place} && "
    click.echo(
        f"\n{_NOTE}\n"
        f"page         {os.path.relpath(report_page)}, for a browser\n"
        f"article      {os.path.relpath(page)}\n"
        f"MLflow       {go}rnnbench ui\n"
        f'prediction   {go}rnnbench predict --explain "A wonderful film."'
    )
