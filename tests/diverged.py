"""Replicates of an invented training that diverge afterwards."""

import json

import numpy as np

from rnnbench.core.workspace import Workspace
from rnnbench.training.outputs import TrainingRecord, read_training_record


def diverge(workspace: Workspace, name: str, *replicates: int) -> TrainingRecord:
    """Let replicates diverge in their second epoch; returns the record, which is written too."""
    path = workspace.training_record(name)
    record = json.loads(path.read_text())
    record["diverged"] = dict.fromkeys(replicates, 2)
    for key in ("epochs", "training_loss", "training_accuracy"):
        record[key] = [None if r in replicates else value for r, value in enumerate(record[key])]
    path.write_text(json.dumps(record))
    for file in workspace.predictions(name).glob("*.npy"):
        array = np.delete(np.load(file), replicates, axis=0)
        np.save(file, array if len(array) else array.reshape(0, array.shape[1]))
    return read_training_record(workspace, name)
