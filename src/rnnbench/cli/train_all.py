"""`rnnbench train-all`: the trainings that `dvc repro` would run, many at once."""

from __future__ import annotations

from collections.abc import Iterator

import click

from rnnbench.cli.common import cluster_option, command, echo, jobs_option, stage_lock
from rnnbench.core.workspace import Workspace
from rnnbench.engine.run import open_engine, run_all
from rnnbench.engine.tasks import Task
from rnnbench.params import Params, write_plan


@click.command()
@jobs_option
@cluster_option
@command
def train_all(workspace: Workspace, params: Params, jobs: int, cluster: str | None) -> None:
    """Train all replicates that dvc repro would train, on several processes or machines.

    The results are kept in .checkpoints/: dvc repro then takes them, and writes the outputs of its
    stages. Datasets must be prepared (dvc repro preprocess).
    """
    from rnnbench.training.checkpoints import Checkpoints

    # DVC reads the list of stages from it.
    write_plan(params, workspace.root)
    with stage_lock(workspace, "train", "all"):
        stale = list(_stale(workspace, params))
        planned = [task for name in stale for task in _tasks(workspace, params, name)]
        missing = [
            task
            for task in planned
            if not Checkpoints(
                workspace.checkpoints(task.variant), task.number, task.key
            ).is_finished
        ]
        if not missing:
            click.echo(f"nothing to train: {len(planned)} replicates wait for dvc repro")
            return
        folder = workspace.checkpoints("any").parent
        kept = len(planned) - len(missing)
        with open_engine(workspace.root, folder, missing, jobs, cluster, echo) as engine:
            label = f"{len(stale)} variant{'s' if len(stale) > 1 else ''}"
            run_all(engine, missing, label, kept, lambda *_: None, echo)


def _stale(workspace: Workspace, params: Params) -> Iterator[str]:
    """The variants that DVC would train: out of date, and not in its cache."""
    from dvc.repo import Repo
    from dvc.stage.cache import RunCacheNotFoundError
    from dvc_data.hashfile.hash_info import HashInfo

    with Repo(str(workspace.root)) as repo, repo.lock:
        stages = {stage.addressing: stage for stage in repo.index.stages}
        for name in params.variants:
            stage = stages[f"train@{name}"]
            if not stage.changed():
                continue
            stage.save_deps()
            # Those of the last run would pass for the outputs of the present dependencies.
            for out in stage.outs:
                out.hash_info = HashInfo()
            try:
                repo.stage_cache.restore(stage, dry=True)
            except RunCacheNotFoundError:
                yield name


def _tasks(workspace: Workspace, params: Params, name: str) -> list[Task]:
    """All replicates of a variant."""
    from rnnbench.data.format import read_summary
    from rnnbench.training.keys import find_inputs, replicates
    from rnnbench.training.stage import project_code

    settings = params.variant(name)
    folder = workspace.prepared(settings.dataset)
    paths = project_code(workspace, params, name)
    code = [path.relative_to(workspace.root).as_posix() for path in paths]
    inputs = find_inputs(settings.model, folder, paths)
    count, splits = params.replicates_of(name), read_summary(folder).splits
    return [
        Task.of(name, settings, replicate, inputs, code)
        for replicate in replicates(settings, params.run.seed, count, splits, inputs)
    ]
