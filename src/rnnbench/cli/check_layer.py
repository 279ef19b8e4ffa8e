"""`rnnbench check-layer`: whether a layer can be compared with those of Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from rnnbench.cli.common import errors_in_a_line
from rnnbench.core.errors import ParamsError
from rnnbench.core.root import find_root
from rnnbench.core.validation import unexpected
from rnnbench.params.yaml import parse_yaml

_STATES = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("n/a", None)}


@click.command("check-layer")
@click.argument("layer")
@click.option(
    "--arguments",
    metavar="YAML",
    help="The arguments of the layer, as in params.yaml; by default units: 3 if it has them.",
)
def check_layer(layer: str, arguments: str | None) -> None:
    """Test what a recurrent LAYER must keep to be compared with others.

    LAYER is FILE.py:CLASS, relative to the folder of params.yaml; PACKAGE.MODULE:CLASS; or the name
    of a layer of Keras. Exits with status 1 if a test fails.
    """
    if layer.endswith(".py"):
        raise click.UsageError(f"give a class of the file too: {layer}:CLASS")
    with errors_in_a_line():
        if not _check(layer, arguments):
            raise SystemExit(1)


def _check(layer: str, arguments: str | None) -> bool:
    from rnnbench.models import layer_checks

    folder = find_root(Path.cwd()) or Path.cwd()
    given = None if arguments is None else _parsed(arguments)
    passed = True
    for result in layer_checks.check_layer(layer_checks.spec_of(layer, given), folder):
        state, colour = _STATES[result.passed]
        problem = f": {result.problem}" if result.problem else ""
        click.echo(f"{click.style(f'{state:6}', fg=colour)}  {result.check}{problem}")
        passed &= result.passed is not False
    return passed


def _parsed(arguments: str) -> dict[str, Any]:
    try:
        parsed = parse_yaml(arguments)
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ParamsError(
            "check-layer", [unexpected("--arguments", arguments, f"YAML ({problem})")]
        ) from error
    if not isinstance(parsed, dict) or not all(isinstance(name, str) for name in parsed):
        expected = "a mapping such as '{units: 8}'"
        raise ParamsError("check-layer", [unexpected("--arguments", parsed, expected)])
    return parsed
