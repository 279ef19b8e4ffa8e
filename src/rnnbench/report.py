"""The report stage: all scores and costs -> the comparison tables. Never imports TensorFlow."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench.errors import DataError
from rnnbench.groups import compare_all
from rnnbench.intervals import share_interval
from rnnbench.pages import comparison_page, cost_page
from rnnbench.params import Params
from rnnbench.prepared import read_array, read_samples
from rnnbench.workspace import Workspace, read_json, write_text


def report(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write comparison.{csv,md}, cost.{csv,md}, pairs.csv, learning_curves.csv and scatter.csv.

    Walks the variants of params.yaml, so that files of removed variants are not read. The
    comparison, which is returned too, has the corpora in the order of params.yaml and the best
    variant of each corpus first. Raises DataError if a variant's files are missing.
    """
    scores = _ranked(params, [_score_row(workspace, params, name) for name in params.variants])
    pairs, marks = compare_all(workspace, params, list(scores["variant"]))
    scores["group"] = scores["variant"].map(marks)
    costs = pd.DataFrame([_cost_row(workspace, params, name) for name in scores["variant"]])
    curves = pd.concat([_curve(workspace, params, name) for name in params.variants])
    numbers = scores.loc[scores["target"] == "number", "variant"]
    scatter = [_scatter(workspace, params, name) for name in numbers]
    columns = ["corpus", "variant", "target", "prediction"]
    tables = {
        "comparison": scores,
        "cost": costs,
        "pairs": pairs.round(6),
        "learning_curves": curves.round(6),
        "scatter": pd.concat(scatter).round(4) if scatter else pd.DataFrame(columns=columns),
    }
    for name, table in tables.items():
        text = table.to_csv(index=False, lineterminator="\n")
        write_text(workspace.metrics / f"{name}.csv", text)
    write_text(workspace.metrics / "comparison.md", comparison_page(scores, params))
    write_text(workspace.metrics / "cost.md", cost_page(costs))
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


def _ranked(params: Params, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The best first: numbers by their loss, which tells more of them than the share of hits."""
    corpora = list(params.corpora)

    def rank(row: dict[str, Any]) -> tuple[int, float, str]:
        best = row["loss"] if row["target"] == "number" else -row["accuracy"]
        return corpora.index(row["corpus"]), float(best), str(row["variant"])

    rows.sort(key=rank)
    return pd.DataFrame(rows)


def _corpus(params: Params, name: str) -> str:
    return params.dataset(params.variant(name).dataset).corpus


def _score_row(workspace: Workspace, params: Params, name: str) -> dict[str, Any]:
    scores = read_json(workspace.scores(name))
    published = params.published.get(name)
    row = {
        "corpus": _corpus(params, name),
        "variant": name,
        "dataset": params.variant(name).dataset,
        **scores,
        "published": None,
        "published_loss": None,
        "verdict": "",
    }
    if published is not None:
        low, high = scores["accuracy_low"], scores["accuracy_high"]
        row["published"] = published.accuracy
        row["published_loss"] = published.loss
        row["verdict"] = (
            verdict(scores["accuracy"], low, high, published.accuracy, scores["evaluation_samples"])
            if published.comparable
            else "not comparable"
        )
    return row


def _cost_row(workspace: Workspace, params: Params, name: str) -> dict[str, Any]:
    scores = read_json(workspace.scores(name))
    row = {"corpus": _corpus(params, name), "variant": name}
    row |= {key: scores[key] for key in ("parameters", "replicates")}
    return row | read_json(workspace.cost(name))


def _curve(workspace: Workspace, params: Params, name: str) -> pd.DataFrame:
    path = workspace.history(name)
    try:
        history = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable ({error}); run dvc repro") from error
    figures = history.drop(columns=["replicate", "prediction"], errors="ignore")
    means = figures.groupby("epoch", as_index=False).mean()
    means.insert(0, "variant", name)
    means.insert(0, "corpus", _corpus(params, name))
    return means


def _scatter(workspace: Workspace, params: Params, name: str) -> pd.DataFrame:
    """Predicted over true numbers, of the first replicate."""
    judged = read_samples(workspace.prepared(params.variant(name).dataset), "evaluation")
    prediction = read_array(workspace.predictions(name) / "evaluation.npy")[0]
    table = pd.DataFrame({"target": judged.y, "prediction": prediction})
    table.insert(0, "variant", name)
    table.insert(0, "corpus", _corpus(params, name))
    return table
