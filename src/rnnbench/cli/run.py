"""`rnnbench run`: only some rows of the comparison."""

from __future__ import annotations

import fnmatch
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click

from rnnbench.cli.common import command
from rnnbench.core.environment import INHERITED
from rnnbench.core.errors import UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, write_plan


@click.command()
@click.argument("variants", nargs=-1, required=True, metavar="VARIANT...")
@command
def run(workspace: Workspace, params: Params, variants: tuple[str, ...]) -> None:
    """Train and evaluate each VARIANT, and rebuild the tables of all that are trained.

    A VARIANT is a name in params.yaml or a pattern such as 'imdb_*'. Only DVC runs something: what
    is up to date is not trained again. The exit status is that of DVC.
    """
    names = expanded(variants, params.variants)
    # DVC reads the list of stages from it before it runs the first one.
    write_plan(params, workspace.root)
    # The article depends on it, whether a study has been run or not.
    (workspace.metrics / "studies").mkdir(parents=True, exist_ok=True)
    click.echo(f"trains and evaluates, as far as it is out of date: {', '.join(names)}")
    click.echo("then compares all variants that are trained")
    # DVC starts `rnnbench` by its name, also where the environment is not activated.
    path = filter(None, [str(Path(sys.executable).parent), INHERITED.get("PATH", "")])
    environment = {**INHERITED, "PATH": os.pathsep.join(path)}
    stages = [f"evaluate@{name}" for name in names]
    # Only the tables: DVC would train all other variants for them.
    for arguments in (stages, ["--single-item", "report", "cost", "article"]):
        click.echo(f"$ {shlex.join(['dvc', 'repro', *arguments])}")
        command_line = [sys.executable, "-m", "dvc", "repro", *arguments]
        process = subprocess.Popen(command_line, cwd=workspace.root, env=environment)
        while process.returncode is None:
            # Ctrl-C reaches DVC too, which first ends its stage and releases its lock.
            with suppress(KeyboardInterrupt):
                process.wait()
        if status := process.returncode:
            raise SystemExit(status if status > 0 else 128 - status)


def expanded(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The names that match a pattern of the shell, each once, in the order of the patterns.

    Raises UnknownNameError for a pattern or name that matches none.
    """
    known, found = list(names), dict[str, None]()
    for pattern in patterns:
        # In no name are there characters of a pattern.
        matching = [name for name in known if fnmatch.fnmatchcase(name, pattern)]
        if not matching:
            raise UnknownNameError("variant", pattern, known)
        found |= dict.fromkeys(matching)
    return list(found)
