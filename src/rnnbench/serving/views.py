"""How the MLflow UI opens on our runs: their filter, order and columns.

The UI stores such a view in a tag of the experiment and restores it if the address names it in
`viewStateShareKey`.
"""

from __future__ import annotations

import json
from typing import Any

from rnnbench.tracking.store import CURRENT, VARIANT_LEVEL

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
    """Store the view in an experiment unless it has it: best variant first.

    target: of the experiment's datasets; numbers are ordered by loss, all others by accuracy.
    """
    numbers = target == "number"
    view = {
        "searchFilter": f"{CURRENT} and {VARIANT_LEVEL}",
        "orderByKey": f"metrics.`evaluation_{'loss' if numbers else 'accuracy'}`",
        "orderByAsc": numbers,
        "selectedColumns": [f"metrics.`{key}`" for key in _METRICS]
        + [f"params.`{key}`" for key in _PARAMS],
        # By default the charts show only the first ten runs.
        "runsHiddenMode": "SHOW_ALL",
    }
    text = json.dumps(view)
    if experiment.tags.get(_TAG) != text:
        client.set_experiment_tag(experiment.experiment_id, _TAG, text)


def addresses(server: str, experiment: str) -> tuple[str, str]:
    """The UI's addresses of the table of current runs and of their learning curves."""
    runs = f"{server}/#/experiments/{experiment}/runs"
    return (
        f"{runs}?viewStateShareKey={_KEY}",
        f"{runs}?compareRunsMode=CHART&viewStateShareKey={_KEY}",
    )
