"""How the MLflow UI opens on our runs: which ones, in which order, with which columns.

The UI keeps such a view in a tag of the experiment, and takes it from there when the address
names it in `viewStateShareKey`.
"""

from __future__ import annotations

import json
from typing import Any

CURRENT = "tags.current = 'true'"
_KEY = "rnnbench"
_TAG = f"mlflow.sharedViewState.{_KEY}"
_METRICS = ("evaluation_accuracy", "evaluation_accuracy_sd", "evaluation_loss", "seconds")
_PARAMS = (
    "parameters",
    "cell",
    "units",
    "recurrent_layers",
    "bidirectional",
    "encoding",
    "vocabulary_size",
)


def share_view(client: Any, experiment: Any, target: str | None) -> None:
    """Store the view in an experiment, unless it is there; numbers have the lowest error first."""
    numbers = target == "number"
    view = {
        "searchFilter": f"{CURRENT} and tags.level = 'variant'",
        "orderByKey": f"metrics.`evaluation_{'loss' if numbers else 'accuracy'}`",
        "orderByAsc": numbers,
        "selectedColumns": [f"metrics.`{key}`" for key in _METRICS]
        + [f"params.`{key}`" for key in _PARAMS],
        # The default draws the first ten runs stage_lock.
        "runsHiddenMode": "SHOW_ALL",
    }
    text = json.dumps(view)
    if experiment.tags.get(_TAG) != text:
        client.set_experiment_tag(experiment.experiment_id, _TAG, text)


def addresses(server: str, experiment: str) -> tuple[str, str]:
    """Where the UI shows the table of the current runs, and their learning curves."""
    runs = f"{server}/#/experiments/{experiment}/runs"
    return (
        f"{runs}?viewStateShareKey={_KEY}",
        f"{runs}?compareRunsMode=CHART&viewStateShareKey={_KEY}",
    )
