"""The scores of one training of a study."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnbench.data.scoring import correct, losses, or_prior
from rnnbench.evaluation.metrics import scores
from rnnbench.evaluation.outputs import rounded
from rnnbench.training.checkpoints import Checkpoint
from rnnbench.training.outputs import LAST_EPOCH, METRICS
from rnnbench.training.replicate import Data


def score(data: Data, result: Checkpoint) -> dict[str, Any]:
    """The scores of a replicate on its split, as JSON values.

    If it diverged, only those that need no prediction.

    epoch: the chosen one, up to `last_epoch`. accuracy, loss and others: on the evaluation part,
    see `rnnbench.evaluation.metrics.scores`. last_*: after the last epoch. val_*: on the validation
    part after the chosen epoch. baseline_*: of the prior of the training part. curve: `METRICS` of
    each epoch. seconds: wall-clock seconds. diverged: the epoch, or None.
    """
    meta, evaluation = data.meta, data.evaluation
    instead = np.broadcast_to(data.prior, (*evaluation.y.shape, *data.prior.shape))
    found: dict[str, Any] = {
        "baseline_accuracy": float(correct(meta, instead, evaluation.y).mean()),
        "baseline_loss": float(losses(meta, instead, evaluation.y).mean()),
        "training_samples": len(data.train),
        "evaluation_samples": len(evaluation),
        "network_parameters": result.parameters,
    }
    if result.diverged is None:
        found["epoch"], found["last_epoch"] = result.epoch, len(result.rows)
        prediction = or_prior(meta, result.arrays["evaluation"], data.prior)
        found |= scores(meta, prediction, evaluation.y)
        last = or_prior(meta, result.arrays.get(LAST_EPOCH, prediction), data.prior)
        found["last_accuracy"] = float(correct(meta, last, evaluation.y).mean())
        found["last_loss"] = float(losses(meta, last, evaluation.y).mean())
        chosen = next(row for row in result.rows if row["epoch"] == result.epoch)
        if data.validated:
            found |= {name: chosen[name] for name in ("val_accuracy", "val_loss")}
        found["training_accuracy"] = result.training_accuracy
        found["training_loss"] = result.training_loss
    curve = [[float(row[name]) for name in METRICS] for row in result.rows]
    return {key: rounded(value) for key, value in found.items()} | {
        "curve": curve,
        "seconds": round(result.seconds, 3),
        "diverged": result.diverged,
    }
