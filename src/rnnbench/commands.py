"""What all subcommands share: the workspace, its parameters, and errors in plain lines."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from rnnbench.errors import RnnbenchError
from rnnbench.params import load_params
from rnnbench.workspace import Workspace


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function the workspace and its parameters, and tell errors in plain lines."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            workspace = Workspace.find(Path.cwd())
            function(workspace, load_params(workspace.params), *args, **kwargs)
        except RnnbenchError as error:
            for line in str(error).splitlines():
                click.secho(f"error: {line}", fg="red", err=True)
            raise SystemExit(error.exit_status) from None

    return wrapped


def warn(text: str) -> None:
    """Tell a warning on standard error."""
    click.secho(f"warning: {text}", fg="yellow", err=True)
