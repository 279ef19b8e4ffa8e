"""The runs of studies: one for each, with its best scores, its tables and its page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, Study
from rnnbench.report.outputs import read_csv
from rnnbench.tracking.store import OUT_OF_DATE, ensure_experiment, open_store

_LEVEL, _KEY = "study", "study.key"
# MLflow's limits.
_NOT_IN_METRICS = re.compile(r"[^\w./ :-]+")
_MAX_PARAMETER = 6000


def log_study(workspace: Workspace, params: Params, name: str, warn: Callable[[str], None]) -> None:
    """Log page and tables of a study in the experiment of its corpus, unless they are there.

    Its trainings are rows of a table and no runs, since there can be thousands. Calls `warn` if the
    store fails. Raises DataError if a table is missing or damaged.
    """
    study, folder = params.study(name), workspace.study(name)
    best = read_csv(folder / "best.csv")
    # The page has all that the tables and the settings say.
    key = hashlib.sha256((folder / "README.md").read_bytes()).hexdigest()[:16]
    corpus = params.corpus_of(study.variant)
    try:
        with open_store(workspace) as client:
            experiment = ensure_experiment(client, workspace, corpus, params.title(corpus))
            query = f"tags.level = '{_LEVEL}' and tags.study = '{name}'"
            found = {r.info.run_id: r for r in client.search_runs([experiment], query)}
            for run_id, other in found.items():
                if other.info.status == "RUNNING":
                    client.set_terminated(run_id, "KILLED")
            if any(other.data.tags.get(_KEY) == key for other in found.values()):
                return
            tags = {"level": _LEVEL, "study": name, "mlflow.note.content": study.question}
            run = client.create_run(experiment, tags=tags, run_name=f"study {name}").info.run_id
            for parameter, value in _parameters(study).items():
                client.log_param(run, parameter, str(value)[:_MAX_PARAMETER])
            for metric, score in _scores(study, best).items():
                client.log_metric(run, metric, score)
            client.log_artifacts(run, str(folder))
            # Last: a run without it is incomplete.
            client.set_tag(run, _KEY, key)
            client.set_terminated(run)
    except DataError as error:
        warn(OUT_OF_DATE.format(error))


def _parameters(study: Study) -> dict[str, Any]:
    axes = {axis.replace("_", " "): values for axis, values in study.axes.items()}
    return {"variant": study.variant, "compared": study.compared, **axes}


def _scores(study: Study, best: pd.DataFrame) -> dict[str, float]:
    """The score of each level of the compared axis, for each combination of the facets."""
    found = {}
    for row in best.dropna(subset="score").to_dict("records"):
        parts = [str(row["level"]), *(f"{axis} {row[axis]}" for axis in study.facets)]
        found[_NOT_IN_METRICS.sub("-", "/".join(parts))] = float(row["score"])
    return found
