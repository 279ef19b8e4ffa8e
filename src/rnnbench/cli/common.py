"""What all subcommands share: the workspace, its parameters, and error messages."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from filelock import FileLock, Timeout

from rnnbench.cli.failures import no_memory, report
from rnnbench.core.errors import RnnbenchError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, expect_unchanged, load_params, load_plan

_F = TypeVar("_F", bound=Callable[..., Any])


def command(
    function: Callable[..., Any], load: Callable[[Path], Params] = load_params
) -> Callable[..., Any]:
    """Call the function with the workspace and its parameters; print errors in a line."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        with errors_in_a_line():
            workspace = Workspace.find(Path.cwd())
            function(workspace, load(workspace.params), *args, **kwargs)

    return wrapped


@contextmanager
def errors_in_a_line() -> Iterator[None]:
    """Print an exception as a line, and exit with its status."""
    try:
        yield
    # Click handles its own; nobody reads our output after BrokenPipeError.
    except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
        raise
    except RnnbenchError as error:
        report(error, None if no_memory(error) else str(error))
        raise SystemExit(error.exit_status) from None
    except Exception as error:
        report(error)
        raise SystemExit(1) from None


def stage(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `command`, but of a stage, which reads the plan and must end with the plan it began with.

    DVC then records what the stage has used.
    """

    @functools.wraps(function)
    def checked(workspace: Workspace, params: Params, *args: Any, **kwargs: Any) -> None:
        function(workspace, params, *args, **kwargs)
        if running := os.environ.get("DVC_STAGE"):
            expect_unchanged(params, workspace.root, running)

    return command(checked, load=load_plan)


def stage_argument(name: str) -> Callable[[_F], _F]:
    """The argument of a stage, by default from DVC's environment variable, ``STAGE@argument``.

    A command line with the argument would be read by a shell, and params.yaml may hold anything.
    """

    def value_or_environment(_context: object, _parameter: object, value: str | None) -> str:
        argument = value or os.environ.get("DVC_STAGE", "").partition("@")[2]
        if not argument:
            raise click.UsageError(f"Missing argument '{name.upper()}'.")
        return argument

    return click.argument(name, required=False, callback=value_or_environment)


def port_option(default: int) -> Callable[[_F], _F]:
    """The option ``--port`` of a server."""
    return click.option(
        "--port",
        default=default,
        show_default=True,
        type=click.IntRange(1, 65535),
        help="Port on 127.0.0.1.",
    )


def usable_cores() -> int:
    """The number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    envvar="RNNBENCH_JOBS",
    default=usable_cores,
    show_default="the number of cores",
    help="How many processes of this machine train.",
)
cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    envvar="RNNBENCH_CLUSTER",
    help="Train on the workers of a Dask scheduler instead, such as tls://head:8786.",
)


def stage_lock(workspace: Workspace, stage: str, name: str) -> AbstractContextManager[object]:
    """Acquire an exclusive lock for this stage instance, a context manager that releases it.

    If DVC was killed, its stage may still be running when the next one starts.
    """
    lock = FileLock(workspace.lock(stage, name))
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        warn(f"another process is running {stage} of {name}; waiting for it to finish")
        return lock.acquire()


def expect_one_choice(task: str | None, variant: str | None) -> None:
    """Raise click.UsageError if both options that choose a model are given."""
    if task is not None and variant is not None:
        raise click.UsageError("give either --task or --variant: a variant belongs to one task")


def warn(text: str) -> None:
    """Print a warning on standard error."""
    click.secho(f"warning: {text}", fg="yellow", err=True)


def echo(text: str) -> None:
    """Print progress on standard output; does nothing once its reader is gone."""
    try:
        click.echo(text)
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def print_champions(champions: dict[str, str]) -> None:
    """Print the champion of each corpus."""
    for corpus, variant in champions.items():
        click.echo(f"champion of {corpus}: {variant}")
