"""`rnnbench serve`: predictions over HTTP."""

from __future__ import annotations

import click

from rnnbench.cli.common import command, expect_one_choice, port_option
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params


@click.command()
@click.option(
    "--task", metavar="CORPUS", help="Corpus whose champion is served; the first one by default."
)
@click.option("--variant", metavar="NAME", help="Variant to serve instead of the champion.")
@port_option(5001)
@click.option(
    "--max-bytes",
    default=1_000_000,
    show_default=True,
    metavar="BYTES",
    type=click.IntRange(min=1),
    help="Longest request body; longer ones get status 413.",
)
@command
def serve(
    workspace: Workspace,
    params: Params,
    task: str | None,
    variant: str | None,
    port: int,
    max_bytes: int,
) -> None:
    """Serve a model over HTTP.

    The protocol is that of `mlflow models serve`: POST {"inputs": ["a good film"]} to /invocations.
    The inputs are arrays if the corpus has no text.
    """
    from rnnbench.serving.server import listen
    from rnnbench.serving.server import serve as run
    from rnnbench.tracking.registry import load_model

    expect_one_choice(task, variant)
    params.corpus(task := task or next(iter(params.corpora)))
    with listen(port) as listener:
        served, model = load_model(workspace, params, task, variant)
        click.echo(f"serving {served} at http://127.0.0.1:{port}/invocations", err=True)
        run(model, listener, max_bytes)
