"""`rnnbench check-layer`: whether a layer can be compared with those of Keras."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
import yaml

from rnnbench.cli.common import errors_in_a_line
from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import unexpected
from rnnbench.params.yaml import parse_yaml


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
        given = None if arguments is None else _parsed(arguments)
        from rnnbench.models import layer_checks

        status = 0
        for check, problem in layer_checks.check_layer(layer, given):
            if problem:
                status = 1
                click.echo(f"{click.style('FAILED', fg='red')}  {check}: {problem}")
            else:
                click.echo(f"{click.style('ok', fg='green')}      {check}")
        raise SystemExit(status)


def _parsed(arguments: str) -> dict[str, Any]:
    parsed = None
    with suppress(yaml.YAMLError, ValueError):
        parsed = parse_yaml(arguments)
    if not isinstance(parsed, dict):
        expected = "a mapping in YAML such as '{units: 8}'"
        raise ParamsError("check-layer", [unexpected("--arguments", arguments, expected)])
    return parsed
