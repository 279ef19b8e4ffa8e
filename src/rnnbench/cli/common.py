"""What all subcommands share: the workspace, its parameters, and errors in plain lines."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rnnbench.core.errors import RnnbenchError
from rnnbench.core.workspace import Workspace
from rnnbench.params import load_params

_F = TypeVar("_F", bound=Callable[..., Any])

_MEMORY = (
    "memory ran out; close other programs, train fewer variants side by side "
    "(make reproduce JOBS=1),\nor make batch_size or the dataset smaller in params.yaml"
)


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function the workspace and its parameters, and tell errors in plain lines."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            workspace = Workspace.find(Path.cwd())
            function(workspace, load_params(workspace.params), *args, **kwargs)
        except RnnbenchError as error:
            print_error(str(error))
            raise SystemExit(error.exit_status) from None
        except MemoryError:
            print_error(_MEMORY)
            raise SystemExit(1) from None
        # TensorFlow's libraries need more memory than all else before the first epoch.
        except ImportError as error:
            missing = isinstance(error, ModuleNotFoundError)
            remedy = "install the environment again: make -B env" if missing else _MEMORY
            print_error(f"a library cannot be loaded: {error};\n{remedy}")
            raise SystemExit(1) from None
        # A full disk, a file that may not be written: the system's reason, and the file.
        except OSError as error:
            # Whoever reads our output no longer does: click ends quietly.
            if error.errno == errno.EPIPE:
                raise
            where = f": {error.filename}" if error.filename else ""
            print_error(f"{error.strerror or error}{where}")
            raise SystemExit(1) from None

    return wrapped


def stage_argument(name: str) -> Callable[[_F], _F]:
    """The argument of a stage, which DVC gives in the environment as ``STAGE@argument``.

    A command line of it would be read by a shell, and may hold whatever params.yaml holds.
    """

    def given() -> str:
        stage = os.environ.get("DVC_STAGE", "")
        if "@" not in stage:
            raise click.UsageError(f"Missing argument '{name.upper()}'.")
        return stage.partition("@")[2]

    return click.argument(name, required=False, callback=lambda _, __, value: value or given())


def expect_one_choice(task: str | None, variant: str | None) -> None:
    """Raise click.UsageError if both options are given by which a model is chosen."""
    if task is not None and variant is not None:
        raise click.UsageError("--task and --variant exclude each other: a variant has its task")


def warn(text: str) -> None:
    """Tell a warning on standard error."""
    click.secho(f"warning: {text}", fg="yellow", err=True)


def say(text: str) -> None:
    """Tell progress on standard output, as long as somebody reads it."""
    try:
        click.echo(text)
    except BrokenPipeError:
        # What has been begun is ended, and nothing more is written there.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def print_error(text: str) -> None:
    """Tell an error on standard error."""
    for line in text.splitlines():
        click.secho(f"error: {line}", fg="red", err=True)
