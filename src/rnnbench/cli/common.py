"""What all subcommands share: the workspace, its parameters, and error messages."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import click
from filelock import FileLock, Timeout

from rnnbench.core.errors import RnnbenchError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, load_params

_F = TypeVar("_F", bound=Callable[..., Any])

_OUT_OF_MEMORY = (
    "out of memory; close other programs, run fewer trainings in parallel "
    "(make reproduce JOBS=1),\nor reduce batch_size or the dataset in params.yaml"
)
# What the system reports, to the dynamic linker too, if there is no memory.
_NO_MEMORY = ("failed to map segment", "Cannot allocate memory")


def command(
    function: Callable[..., Any], load: Callable[[Path], Params] = load_params
) -> Callable[..., Any]:
    """Call the function with the workspace and its parameters; print errors without traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            workspace = Workspace.find(Path.cwd())
            function(workspace, load(workspace.params), *args, **kwargs)
        except (RnnbenchError, MemoryError, ImportError, OSError) as error:
            # Nobody reads our output any more: click exits silently.
            if isinstance(error, BrokenPipeError):
                raise
            print_error(_message(error))
            raise SystemExit(getattr(error, "exit_status", 1)) from None

    return wrapped


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


def print_error(text: str) -> None:
    """Print an error on standard error."""
    for line in text.splitlines():
        click.secho(f"error: {line}", fg="red", err=True)


def _message(error: Exception) -> str:
    text = str(error)
    if isinstance(error, MemoryError) or any(sign in text for sign in _NO_MEMORY):
        return _OUT_OF_MEMORY
    if isinstance(error, ImportError):
        where = f" ({error.path})" if error.path else ""
        name = error.name or "a library"
        return f"cannot import {name}{where}: {text};\ninstall the environment again: make -B env"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return text
