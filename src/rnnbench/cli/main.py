"""The `rnnbench` command."""

from __future__ import annotations

import click

from rnnbench.cli import stages, tools
from rnnbench.cli.check_layer import check_layer
from rnnbench.cli.compare import compare
from rnnbench.cli.predict import predict
from rnnbench.cli.publish import merge, publish
from rnnbench.cli.quick import quick
from rnnbench.cli.run import run
from rnnbench.cli.serve import serve
from rnnbench.cli.train_all import train_all


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnnbench")
@click.option(
    "--debug",
    is_flag=True,
    # The entry point looks for it, since an import can fail before this option is read.
    expose_value=False,
    help="Print the traceback of an error; RNNBENCH_DEBUG=1 does too, under dvc repro for one.",
)
def main() -> None:
    """Compare recurrent networks, reproducibly. `dvc repro` runs all stages in order."""


for _subcommand in (
    *(stages.check, stages.download, stages.preprocess, stages.train, stages.evaluate),
    *(stages.report, stages.study, stages.cost, stages.article),
    *(check_layer, compare, merge, predict, publish, quick, run, serve, train_all),
    *(tools.decode, tools.rerun, tools.show, tools.sync, tools.ui),
):
    main.add_command(_subcommand)
