"""`rnnbench serve`: a champion over HTTP."""

from __future__ import annotations

import socket

import click

from rnnbench.cli.common import command, expect_one_choice
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params


@click.command()
@click.option("--task", help="Whose champion answers: a corpus, by default the first.")
@click.option("--variant", help="A variant that answers instead of the champion.")
@click.option(
    "--port",
    default=5001,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Where to listen, on 127.0.0.1.",
)
@click.option(
    "--max-bytes",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Longer requests are refused with status 413.",
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
    """Answer texts, or arrays, over HTTP with the protocol of `mlflow models serve`."""
    from rnnbench.serving.server import HOST
    from rnnbench.serving.server import serve as run
    from rnnbench.tracking.sync import load_logged

    expect_one_choice(task, variant)
    if variant is not None:
        params.variant(variant)
    params.corpus(task := task or next(iter(params.corpora)))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DataError(f"cannot listen on {HOST}:{port} ({error}); give --port") from error
    answering, model = load_logged(workspace, params, task, variant)
    click.echo(f"{answering} answers at http://{HOST}:{port}/invocations", err=True)
    run(model, port, max_bytes)
