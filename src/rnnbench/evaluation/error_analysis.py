"""The wrong answers that a variant was most sure of, as words: errors to learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta, read_samples
from rnnbench.params import Params
from rnnbench.preprocessing.encoders import ENCODER, SubwordEncoder, TextEncoder, read_encoder
from rnnbench.training.outputs import read_predictions

COLUMNS = ("corpus", "variant", "sample", "label", "answer", "probability", "text")
_COUNT = 10


def confident_misclassifications(workspace: Workspace, params: Params, name: str) -> pd.DataFrame:
    """The ten most confident mistakes of variant `name`, the surest first, with `COLUMNS`.

    The answer is that of the mean probability over the replicates. "text" is what the model was
    given: words that are not in its vocabulary are missing, or a question mark. Empty for variants
    that do not read text. Raises DataError if a file is missing or damaged.
    """
    folder = workspace.prepared(params.variant(name).dataset)
    meta = read_meta(folder)
    if not (folder / ENCODER).exists():
        return pd.DataFrame(columns=list(COLUMNS))
    encoder = read_encoder(folder)
    samples = read_samples(folder, "evaluation")
    answers = read_predictions(workspace, name, "evaluation", meta, samples)
    chance = answers.mean(axis=0, dtype=float)
    if meta.target == "binary":
        chance = np.stack([1 - chance, chance], axis=-1)
    answer, sure = chance.argmax(axis=-1), chance.max(axis=-1)
    wrong = np.flatnonzero(answer != samples.y)
    chosen = wrong[np.lexsort((wrong, -sure[wrong]))][:_COUNT]
    rows = [
        (
            meta.corpus,
            name,
            int(samples.id[i]),
            meta.classes[int(samples.y[i])],
            meta.classes[int(answer[i])],
            round(float(sure[i]), 4),
            _text(encoder, samples.x[int(i)]),
        )
        for i in chosen
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _text(encoder: TextEncoder, x: NDArray[Any]) -> str:
    if isinstance(encoder, SubwordEncoder):
        return encoder.tokenizer.decode(x.ravel())
    return " ".join(encoder.decode(x))
