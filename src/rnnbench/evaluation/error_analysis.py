"""The misclassifications with the highest probabilities, as readable text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_prepared
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import has_encoder, read_encoder
from rnnbench.training.outputs import read_evaluated, read_training_record

_COLUMNS = ["corpus", "variant", "sample", "label", "predicted", "probability", "text"]
_COUNT = 10


def confident_misclassifications(workspace: Workspace, params: Params, name: str) -> pd.DataFrame:
    """The ten most confident misclassifications of variant `name`, the most confident first.

    Columns: corpus, variant, sample, label, predicted, probability, text. The prediction is the
    class of the highest mean probability over the replicates that were evaluated on the sample;
    "text" is the decoded input, as the first split has it, without words outside its vocabulary.
    Empty for variants that do not read text or predict numbers, and if all replicates diverged.
    Raises DataError if a file is missing or damaged.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    record = read_training_record(workspace, name)
    if not has_encoder(folder) or not record.finished:
        return pd.DataFrame(columns=_COLUMNS)
    data = read_prepared(folder)
    meta, targets = data.meta, data.targets
    if meta.target == "number":
        return pd.DataFrame(columns=_COLUMNS)
    evaluated = read_evaluated(workspace, name, meta, targets, record)
    probabilities = evaluated.prediction.astype(float)
    if meta.target == "binary":
        probabilities = np.stack([1 - probabilities, probabilities], axis=-1)
    # Sample `id` is in row `id` of the dataset, as the first split has encoded it; a replicate
    # evaluates some of them.
    sums = np.zeros((len(targets.id), len(meta.classes)))
    np.add.at(sums, evaluated.id.ravel(), probabilities.reshape(-1, len(meta.classes)))
    counts = np.bincount(evaluated.id.ravel(), minlength=len(sums))
    mean = sums / np.maximum(counts, 1)[:, None]
    predicted, probability = mean.argmax(axis=-1), mean.max(axis=-1)
    wrong = np.flatnonzero((counts > 0) & (predicted != targets.y))
    chosen = wrong[np.lexsort((wrong, -probability[wrong]))][:_COUNT]
    encoder, classes = read_encoder(folder), np.array(meta.classes)
    values = (
        meta.corpus,
        name,
        targets.id[chosen],
        classes[targets.y[chosen].astype(int)],
        classes[predicted[chosen]],
        probability[chosen].round(4),
        [encoder.text(data.samples.x[int(i)]) for i in chosen],
    )
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))
