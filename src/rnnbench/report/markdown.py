"""Rows of the comparison as Markdown tables, and the pages around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """A page of Markdown from a template of this package."""
    environment = Environment(
        loader=PackageLoader("rnnbench.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The page is Markdown; there is no HTML to escape.
        autoescape=False,  # noqa: S701
    )
    environment.filters["figure"] = figure
    return environment.get_template(template).render(values)


def figure(value: float) -> str:
    """A share, or a loss of about one."""
    return f"{value:.4f}" if pd.notna(value) else ""


def small(value: float) -> str:
    """An error far below one."""
    return f"{value:.2e}" if pd.notna(value) else ""


def short_table(rows: pd.DataFrame) -> str:
    """The accuracies of one corpus, for the README."""
    table = _scores(rows)
    return _markdown(
        table.drop(columns=["sd", "parameters", *table.filter(regex="^on |loss|MSE|minus")])
    )


def scores_table(rows: pd.DataFrame) -> str:
    """The scores of one corpus with intervals, groups and verdicts."""
    return _markdown(_scores(rows))


def measures_table(rows: pd.DataFrame) -> str:
    """Further metrics of the predictions of one corpus, and how the trainings went."""
    columns = {"variant": rows["variant"]}
    for key, title in _METRICS.items():
        if rows[key].notna().any():
            columns[title] = rows[key].map(small if key == "mae" else figure)
    trained = rows["epochs"] > 1
    best = rows["best_epoch"].map("{:.1f}".format) + " of " + rows["epochs"].map("{:.0f}".format)
    gap = rows["overfitting_gap"].map(small if _are_numbers(rows) else "{:+.4f}".format)
    columns["best epoch"] = best.where(trained, "")
    columns["overfitting gap"] = gap.where(trained, "")
    return _markdown(pd.DataFrame(columns))


_METRICS = {
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "calibration_error": "calibration error",
    "macro_f1": "macro-F1",
    "top3_accuracy": "top-3 accuracy",
    "mae": "MAE",
}


def _markdown(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True))


def _are_numbers(rows: pd.DataFrame) -> bool:
    return bool((rows["target"] == "number").all())


def _scores(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = _are_numbers(rows)
    share = f"within {rows['tolerance'].iloc[0]:g}" if numbers else "accuracy"
    columns = {"variant": rows["variant"]}
    # Numbers are ranked and grouped by their error.
    if numbers:
        columns["MSE"] = rows["loss"].map(small)
        columns["95 % interval of MSE"] = _interval(rows, "loss", small)
        solved = (rows["solved"] * rows["replicates"]).fillna(0).map("{:.0f}".format)
        columns["solved"] = solved + " of " + rows["replicates"].astype(str)
    columns[share] = rows["accuracy"].map(figure)
    columns["95 % interval"] = _interval(rows, "accuracy", figure)
    columns["group"] = rows["group"]
    columns["sd"] = rows["accuracy_sd"].map(figure)
    if not numbers:
        columns["log loss"] = rows["loss"].map(figure)
    if len(names := rows["out_of_domain_set"].dropna().unique()):
        columns[f"on {names[0]}"] = rows["out_of_domain_accuracy"].map(figure)
    diverged = rows["diverged"].map(lambda count: f", {count} diverged" if count else "")
    columns["replicates"] = rows["replicates"].astype(str) + diverged
    columns["parameters"] = rows["parameters"].map("{:,}".format)
    columns["published"] = rows["published"].map(figure)
    columns["published minus ours"] = _with_bounds(rows, "published_difference", figure)
    if numbers:
        columns["published MSE"] = rows["published_loss"].map(small)
        columns["published MSE / ours"] = _with_bounds(
            rows, "published_loss_ratio", "{:.2f}".format
        )
    columns["verdict"] = rows["verdict"]
    return pd.DataFrame(columns)


def _with_bounds(rows: pd.DataFrame, key: str, shown: Callable[[float], str]) -> pd.Series[str]:
    value, low, high = (rows[f"{key}{end}"].map(shown) for end in ("", "_low", "_high"))
    return (value + " (" + low + " to " + high + ")").where(rows[key].notna(), "")


def _interval(rows: pd.DataFrame, key: str, shown: Callable[[float], str]) -> pd.Series[str]:
    interval = rows[f"{key}_low"].map(shown) + " to " + rows[f"{key}_high"].map(shown)
    return interval.where(rows[f"{key}_low"].notna(), "")
