"""The report next to the trainings that it compares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.report.outputs import read_table
from rnnbench.tracking.project import is_project
from rnnbench.tracking.store import CURRENT, OUT_OF_DATE, find_runs, open_store

# The tag of a run: a hash of its report.
_KEY = "rnnbench.report"


def attach_report(workspace: Workspace, warn: Callable[[str], None]) -> None:
    """Log metrics/report.html with the current run of each variant of the comparison.

    A run that has this report already is left unchanged. Does nothing without a report, or in a
    queued experiment. Calls `warn` if the store fails. Raises DataError without a comparison.
    """
    page = workspace.metrics / "report.html"
    if not page.is_file() or not is_project(workspace):
        return
    names = set(read_table(workspace.metrics, "comparison")["variant"])
    key = hashlib.sha256(page.read_bytes()).hexdigest()[:16]
    try:
        with open_store(workspace) as client:
            for run in find_runs(client, workspace, CURRENT):
                tags, run_id = run.data.tags, run.info.run_id
                if tags.get("variant") not in names or tags.get(_KEY) == key:
                    continue
                client.log_artifact(run_id, str(page))
                # Last: a run without it is incomplete.
                client.set_tag(run_id, _KEY, key)
    except DataError as error:
        warn(OUT_OF_DATE.format(error))
