"""The misclassifications with the highest probabilities, as readable text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_samples
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import ENCODER, read_encoder
from rnnbench.training.outputs import read_predictions

_COLUMNS = ["corpus", "variant", "sample", "label", "predicted", "probability", "text"]
_COUNT = 10


def confident_misclassifications(workspace: Workspace, params: Params, name: str) -> pd.DataFrame:
    """The ten most confident misclassifications of variant `name`, the most confident first.

    Columns: corpus, variant, sample, label, predicted, probability, text. The prediction is the
    class of the highest mean probability over the replicates; "text" is the decoded input of the
    model, without the words that are not in its vocabulary. Empty for variants that do not read
    text, and if all replicates diverged. Raises DataError if a file is missing or damaged.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta, samples = read_meta(folder), read_samples(folder, "evaluation")
    predictions = read_predictions(workspace, name, "evaluation", meta, samples)
    if not (folder / ENCODER).exists() or not len(predictions):
        return pd.DataFrame(columns=_COLUMNS)
    mean = predictions.mean(axis=0, dtype=float)
    if meta.target == "binary":
        mean = np.stack([1 - mean, mean], axis=-1)
    predicted, probability = mean.argmax(axis=-1), mean.max(axis=-1)
    wrong = np.flatnonzero(predicted != samples.y)
    chosen = wrong[np.lexsort((wrong, -probability[wrong]))][:_COUNT]
    encoder, classes = read_encoder(folder), np.array(meta.classes)
    values = (
        meta.corpus,
        name,
        samples.id[chosen],
        classes[samples.y[chosen].astype(int)],
        classes[predicted[chosen]],
        probability[chosen].round(4),
        [encoder.text(samples.x[int(i)]) for i in chosen],
    )
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))
