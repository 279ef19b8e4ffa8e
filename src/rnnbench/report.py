"""The report stage: all scores and costs -> the comparison tables. Never imports TensorFlow."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench import corpora
from rnnbench.errors import DataError
from rnnbench.intervals import share_interval
from rnnbench.params import Params
from rnnbench.workspace import Workspace, read_json, write_text


def report(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write comparison.{csv,md}, cost.{csv,md} and learning_curves.csv; return the comparison.

    Walks the variants of params.yaml, so that files of removed variants are not read.
    Raises DataError if a variant's files are missing.
    """
    scores = pd.DataFrame([_score_row(workspace, params, name) for name in params.variants])
    costs = pd.DataFrame([_cost_row(workspace, name) for name in params.variants])
    metrics = workspace.metrics
    for name, table in (("comparison", scores), ("cost", costs)):
        write_text(metrics / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    write_text(metrics / "comparison.md", _comparison_page(scores))
    write_text(metrics / "cost.md", _cost_page(costs))
    curves = pd.concat([_curve(workspace, name) for name in params.variants])
    curves = curves.round(6)
    write_text(metrics / "learning_curves.csv", curves.to_csv(index=False, lineterminator="\n"))
    return scores


def verdict(accuracy: float, low: float, high: float, published: float, samples: int) -> str:
    """How a score with its 95 % interval stands to a published share of `samples` answers.

    The published figure has an interval of its own; both half widths are added in quadrature.
    """
    theirs = share_interval(published, samples)
    if accuracy > published:
        margin = ((accuracy - low) ** 2 + (theirs.high - published) ** 2) ** 0.5
        return "above" if accuracy - published > margin else "reproduced"
    margin = ((high - accuracy) ** 2 + (published - theirs.low) ** 2) ** 0.5
    return "below" if published - accuracy > margin else "reproduced"


def _score_row(workspace: Workspace, params: Params, name: str) -> dict[str, Any]:
    settings = params.variant(name)
    scores = read_json(workspace.scores(name))
    published = settings.published.accuracy if settings.published else None
    row = {"corpus": params.dataset(settings.dataset).corpus, "variant": name} | scores
    row["published"] = published
    row["verdict"] = (
        verdict(
            scores["accuracy"],
            scores["accuracy_low"],
            scores["accuracy_high"],
            published,
            scores["evaluation_samples"],
        )
        if published is not None
        else ""
    )
    return row


def _cost_row(workspace: Workspace, name: str) -> dict[str, Any]:
    parameters = read_json(workspace.scores(name))["parameters"]
    return {"variant": name, "parameters": parameters} | read_json(workspace.cost(name))


def _curve(workspace: Workspace, name: str) -> pd.DataFrame:
    path = workspace.history(name)
    try:
        history = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    means = history.drop(columns="replicate").groupby("epoch", as_index=False).mean()
    means.insert(0, "variant", name)
    return means


def _comparison_page(scores: pd.DataFrame) -> str:
    parts = [
        "# Comparison of recurrent networks",
        "Accuracy is the mean over replicates on the evaluation split; the 95 % interval covers "
        "replicates and evaluation samples; sd is the spread between replicates.",
    ]
    for corpus, rows in scores.groupby("corpus", sort=False):
        table = pd.DataFrame(
            {
                "variant": rows["variant"],
                "accuracy": rows["accuracy"].map("{:.4f}".format),
                "95 % interval": rows["accuracy_low"].map("{:.4f}".format)
                + " to "
                + rows["accuracy_high"].map("{:.4f}".format),
                "sd": rows["accuracy_sd"].map("{:.4f}".format),
                "replicates": rows["replicates"],
                "parameters": rows["parameters"].map("{:,}".format),
                "published": rows["published"].map(lambda v: f"{v:.4f}" if pd.notna(v) else ""),
                "verdict": rows["verdict"],
            }
        )
        first = rows.iloc[0]
        parts += [
            f"## {corpora.load(str(corpus)).TITLE}",
            f"{first['evaluation_samples']:,} evaluation samples; the most frequent class alone "
            f"scores {first['majority']:.4f}.",
            table.to_markdown(index=False, disable_numparse=True),
        ]
    return "\n\n".join(parts) + "\n"


def _cost_page(costs: pd.DataFrame) -> str:
    note = (
        "Measured during the training on one CPU thread, compilation included. "
        "These figures differ from run to run and from machine to machine."
    )
    table = costs.to_markdown(index=False)
    return f"# Cost of each training\n\n{note}\n\n{table}\n"
