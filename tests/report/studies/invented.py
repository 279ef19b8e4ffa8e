"""Tables of a study with chosen scores, as the study stage would leave them."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, Study
from rnnbench.report.studies.analysis import Analysis
from rnnbench.studies.outputs import COLUMNS, CURVE_COLUMNS, SIZES, WHOLE, level_text
from tests.frozen import PARAMS
from tests.report.helpers import SETTINGS

TRAIN, EVALUATION = 200, 50
# Of a combination of levels and the number of a replicate: its score, or None if it diverged.
Score = Callable[[dict[str, Any], int], float | None]


def study(axes: dict[str, list[Any]], **options: Any) -> Study:
    return Study(question="Which is best?", variant="imdb_embedding_lstm", axes=axes, **options)


def tables(
    axes: dict[str, list[Any]],
    score: Score,
    *,
    val: Score | None = None,
    replicates: int = 4,
    splits: int = 4,
    numbers: bool = False,
    protocol: str = "by_film",
    baseline: float | None = None,
    sample_sd: float = 0.02,
    curve: Callable[[dict[str, Any], int], Sequence[float]] | None = None,
    size: Callable[[dict[str, Any]], int | None] = lambda _: 100,
    train: Callable[[dict[str, Any]], int] = lambda _: TRAIN,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trainings and curves; scores are accuracies, or squared errors of `numbers`.

    val: those on the validation part, by default the same. curve: those of each epoch.
    """
    measure, other = ("loss", "accuracy") if numbers else ("accuracy", "loss")
    base = baseline if baseline is not None else (1.0 if numbers else 0.5)
    rows, epochs = [], []
    for values in itertools.product(*axes.values()):
        levels = dict(zip(axes, values, strict=True))
        for replicate in range(replicates):
            value = score(levels, replicate)
            validation = value if val is None else val(levels, replicate)
            row: dict[str, Any] = {
                "training": len(rows),
                **{axis: level_text(v) for axis, v in levels.items()},
                "recurrent_parameters": size(levels),
                "multiply_adds": size(levels),
                "replicate": replicate,
                "seed": replicate,
                "split": replicate % splits,
                "network_parameters": 999,
                "training_samples": train(levels),
                "evaluation_samples": EVALUATION,
                "target": "number" if numbers else "binary",
                "protocol": protocol,
                "key": f"key {len(rows)}",
                f"baseline_{measure}": base,
                f"baseline_{other}": base,
            }
            row.setdefault("units", 3 if size(levels) else None)
            if value is None:
                row["diverged"] = 2
            else:
                row |= {
                    "epoch": 1,
                    "last_epoch": 2,
                    f"{measure}_sample_sd": sample_sd,
                    f"{other}_sample_sd": sample_sd,
                    **{f"{kind}{measure}": value for kind in ("", "last_", "training_")},
                    **{f"{kind}{other}": 0.25 for kind in ("", "last_", "training_")},
                    f"val_{measure}": validation,
                    f"val_{other}": 0.3,
                }
            scores = [validation] if curve is None else curve(levels, replicate)
            for epoch, at_end in enumerate(scores if value is not None else scores[:1], 1):
                end = {f"val_{measure}": at_end, f"val_{other}": 0.3}
                if at_end is not None:
                    epochs.append(
                        {"training": len(rows), "epoch": epoch, "loss": 1, "accuracy": 0} | end
                    )
            rows.append(row)
    columns = ["training", *(a for a in axes if a not in COLUMNS), *COLUMNS[1:]]
    trainings = pd.DataFrame(rows).reindex(columns=columns)
    trainings = trainings.astype(dict.fromkeys((*SIZES, *WHOLE), "Int64"))
    return trainings, pd.DataFrame(epochs, columns=list(CURVE_COLUMNS))


def write(root: Path, axes: dict[str, list[Any]], score: Score, **options: Any) -> Workspace:
    """The tables in a workspace, as the study `s`."""
    workspace = Workspace(root)
    folder = workspace.study("s")
    folder.mkdir(parents=True)
    trainings, curves = tables(axes, score, **options)
    trainings.to_csv(folder / "trainings.csv", index=False)
    curves.to_csv(folder / "curves.csv", index=False)
    seconds = trainings[["training"]].assign(seconds=1.5)
    seconds.to_csv(folder / "seconds.csv", index=False)
    return workspace


def params_of(axes: dict[str, list[Any]], **options: Any) -> Params:
    return replace(PARAMS, comparison=SETTINGS, studies={"s": study(axes, **options)})


def analyse(
    root: Path, axes: dict[str, list[Any]], score: Score, *, of: Any = None, **options: Any
) -> Analysis:
    """The analysis of the tables; of: further settings of the study."""
    from rnnbench.report.studies.page import analysis_of

    return analysis_of(write(root, axes, score, **options), params_of(axes, **(of or {})), "s")
