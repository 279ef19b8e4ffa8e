"""The evaluate stage: the predictions of a variant -> its scores and its misclassifications.

Never imports TensorFlow.
"""

from __future__ import annotations

from typing import Any

from rnnbench.core.errors import DataError
from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_samples, read_summary
from rnnbench.data.scoring import correct
from rnnbench.evaluation.error_analysis import confident_misclassifications
from rnnbench.evaluation.metrics import scores
from rnnbench.evaluation.outputs import Scores
from rnnbench.params import Params
from rnnbench.training.outputs import read_predictions, read_training_record


def evaluate(workspace: Workspace, params: Params, name: str) -> Scores:
    """Score variant `name` on its evaluation split; write and return the scores.

    Its most confident misclassifications are written too. Raises UnknownNameError or DataError.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, samples = read_meta(folder), read_samples(folder, "evaluation")
    prediction = read_predictions(workspace, name, "evaluation", meta, samples)
    record = read_training_record(workspace, name)
    if len(prediction) + len(record.diverged) != len(record.seeds):
        raise DataError(
            f"{workspace.predictions(name)}: predictions of {len(prediction)} replicates, but "
            f"training.json lists {len(record.seeds)}; run dvc repro"
        )
    found = scores(meta, prediction, samples.y) if len(prediction) else {}
    if meta.out_of_domain and len(prediction):
        others = read_samples(folder, meta.out_of_domain)
        predicted = read_predictions(workspace, name, meta.out_of_domain, meta, others)
        found["out_of_domain_accuracy"] = float(correct(meta, predicted, others.y).mean())
    rounded: dict[str, Any] = {k: v if v is None else float(f"{v:.6g}") for k, v in found.items()}
    result = Scores(
        target=meta.target,
        tolerance=meta.tolerance,
        out_of_domain_set=meta.out_of_domain,
        replicates=len(prediction),
        diverged=len(record.diverged),
        parameters=record.parameters,
        **rounded,
        **read_summary(folder).model_dump(),
    )
    table = confident_misclassifications(workspace, params, name)
    write_text(workspace.misclassifications(name), table.to_csv(index=False))
    write_text(workspace.scores(name), result.model_dump_json(indent=2) + "\n")
    return result
