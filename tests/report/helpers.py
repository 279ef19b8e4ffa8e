"""Results with chosen scores, as the earlier stages would leave them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rnnbench.data.format import Meta, Summary
from rnnbench.data.roles import RECURRENT
from rnnbench.data.scoring import correct, losses
from rnnbench.evaluation.outputs import Scores
from rnnbench.params import Comparison
from rnnbench.report.results import Result
from rnnbench.training.outputs import Evaluated, TrainingRecord

SETTINGS = Comparison(margin=0.02, loss_margin=0.25)
# The number of evaluation samples.
N = 500
ARCHITECTURE = {"cell": "LSTM", "units": 8, "recurrent_layers": 1, "bidirectional": False}


def invent(
    name: str,
    by_replicate: Sequence[float],
    *,
    splits: Sequence[int] | None = None,
    last: Sequence[float] | None = None,
    target: str = "binary",
    role: str = RECURRENT,
    protocol: str = "by_film",
    train: int = 2000,
    validation: int = 100,
    samples: str = "one",
    diverged: int = 0,
) -> Result:
    """A variant with these accuracies, or squared errors of numbers.

    splits: that of each replicate, by default one each; in a protocol without drawn ones, 0.
    last: the scores after the last epoch, by default the same. samples: `Result.samples`.
    """
    count = len(by_replicate)
    drawn = protocol not in ("last", "same")
    splits = splits or (list(range(count)) if drawn else [0] * count)
    meta = Meta(
        corpus="product" if target == "number" else "imdb",
        encoding="index",
        target=target,
        classes=() if target == "number" else ("negative", "positive"),
        shape=(100,),
        vocabulary_size=1000,
        tolerance=0.04 if target == "number" else 0.0,
    )
    summary = Summary(
        protocol=protocol,
        splits=10 if drawn else 1,
        training_samples=train,
        validation_samples=validation,
        evaluation_samples=N,
        further_samples={},
        also_in_training=0.0,
        distinct_targets=2,
    )
    record = TrainingRecord(
        variant=name,
        role=role,
        architecture=ARCHITECTURE,
        parameters=100,
        seeds=list(range(count + diverged)),
        splits=[*splits, *[0] * diverged],
        epochs=[3] * count + [None] * diverged,
        training_loss=[0.1] * (count + diverged),
        training_accuracy=[0.99] * (count + diverged),
        diverged=dict.fromkeys(range(count, count + diverged), 1),
        settings={},
        data="",
    )
    y = np.full((count, N), 0 if target == "number" else 1)
    prediction, after = (_predictions(target, s) for s in (by_replicate, last or by_replicate))
    columns: dict[str, Sequence[float] | np.ndarray] = {
        "replicate": range(count),
        "seed": range(count),
        "split": splits,
    }
    for measure, score in (("accuracy", correct), ("loss", losses)):
        by_sample = score(meta, prediction, y)
        columns[measure] = columns[f"curve_{measure}"] = by_sample.mean(axis=1)
        columns[f"{measure}_sample_sd"] = by_sample.std(axis=1, ddof=1) / N**0.5
        columns[f"last_{measure}"] = score(meta, after, y).mean(axis=1)
    table = pd.DataFrame(columns).assign(
        epoch=3,
        epochs=5,
        training_accuracy=0.99,
        training_loss=0.1,
        distinct_accuracy=lambda rows: rows["accuracy"],
    )
    means: dict[str, float] = {}
    if count:
        with np.errstate(divide="ignore"):
            by_split = table.assign(loss=np.log(table["loss"])).groupby("split")
        means = by_split[["accuracy", "loss"]].mean().mean().to_dict()
        means["loss"] = float(np.exp(means["loss"]))
        means |= {f"{kind}_{key}": means[key] for kind in ("last", "curve") for key in [*means]}
    return Result(
        name=name,
        dataset="any",
        meta=meta,
        summary=summary,
        evaluated=Evaluated(prediction, after, y, np.tile(np.arange(N), (count, 1)), y < 0),
        record=record,
        scores=Scores(
            target=target,
            tolerance=meta.tolerance,
            further_accuracy={},
            replicates=count,
            diverged=diverged,
            parameters=100,
            **means,
            **summary.model_dump(),
        ),
        replicates=table,
        history=pd.DataFrame(),
        samples=samples,
    )


def _predictions(target: str, by_replicate: Sequence[float]) -> np.ndarray:
    by_replicate = np.asarray(by_replicate, float).reshape(-1, 1)
    if target == "number":
        return np.sqrt(by_replicate * np.linspace(0.5, 1.5, N))
    return np.where(np.arange(N) < np.round(by_replicate * N), 0.9, 0.1)
