"""`rnnbench publish` and `rnnbench merge`: results as a folder that others can open and merge."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli.common import command, errors_in_a_line
from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--label",
    help="The name of these results on a merged page; by default that of the project.",
)
@command
def publish(workspace: Workspace, params: Params, folder: Path, label: str | None) -> None:
    """Write the page of all results and its data to FOLDER, for any static host.

    It needs the tables in metrics/ alone, no data and no models. The page quotes misclassified
    texts, up to 500 characters of each.
    """
    from rnnbench.report.publication.contents import read_publication
    from rnnbench.report.publication.page import write_site
    from rnnbench.tracking.project import project_name

    label = label or project_name(workspace)
    write_site(folder, [read_publication(workspace, params, label)])
    click.echo(f"open {folder / 'index.html'} in a browser, or serve {folder}")


@click.command()
@click.argument("folders", type=_FOLDER, nargs=-1, required=True)
@click.option(
    "--output", type=_FOLDER, default=Path("merged"), show_default=True, help="The folder to write."
)
def merge(folders: tuple[Path, ...], output: Path) -> None:
    """Merge two or more published FOLDERS into one page, which says where they disagree."""
    with errors_in_a_line():
        from rnnbench.report.publication.contents import read_publications
        from rnnbench.report.publication.merging import disagreements, relabelled
        from rnnbench.report.publication.page import write_site

        if output.resolve() in [folder.resolve() for folder in folders]:
            raise DataError(f"{output} is one of the folders to merge; give another --output")
        parts = relabelled([part for folder in folders for part in read_publications(folder)])
        if len(parts) < 2:
            raise DataError(f"{folders[0]} has the results of one project; a merge needs two")
        found = disagreements(parts)
        write_site(output, parts, found)
        click.echo("\n".join(pair.summary for pair in found))
        click.echo(f"open {output / 'index.html'} in a browser, or serve {output}")
