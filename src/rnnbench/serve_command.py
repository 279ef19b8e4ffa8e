"""`rnnbench serve`: a champion over HTTP."""

from __future__ import annotations

import socket

import click

from rnnbench.commands import command
from rnnbench.errors import DataError
from rnnbench.params import Params
from rnnbench.workspace import Workspace


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
    from rnnbench.serve import serve as run
    from rnnbench.tracking import load_logged

    if task is not None and variant is not None:
        raise click.UsageError("--task and --variant exclude each other: a variant has its task")
    if variant is not None:
        params.variant(variant)
    params.corpus(task := task or next(iter(params.corpora)))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DataError(f"cannot listen on 127.0.0.1:{port} ({error}); give --port") from error
    answering, model = load_logged(workspace, params, task, variant)
    click.echo(f"{answering} answers at http://127.0.0.1:{port}/invocations", err=True)
    run(model, port, max_bytes)
