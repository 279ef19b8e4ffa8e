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


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows by column name."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def figure(value: float) -> str:
    """A share, or a loss of about one."""
    return f"{value:.4f}" if pd.notna(value) else ""


def small(value: float) -> str:
    """An error far below one."""
    return f"{value:.2e}" if pd.notna(value) else ""


def short_table(rows: pd.DataFrame) -> str:
    """The accuracies of one corpus, for the README."""
    columns = {
        "variant": rows["variant"],
        "score": rows["accuracy"].map(figure),
        "95 % interval": _interval(rows, "accuracy", figure),
        "group": rows["group"],
        "replicates": _replicates(rows),
        "published": rows["published"].map(figure),
        "verdict": rows["verdict"],
    }
    return _markdown(pd.DataFrame(columns))


def scores_table(rows: pd.DataFrame) -> str:
    """The scores of one corpus with intervals, groups and verdicts."""
    return _markdown(_numbers(rows) if _are_numbers(rows) else _shares(rows))


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


def costs_table(costs: pd.DataFrame) -> str:
    """What each training took."""
    return str(costs.drop(columns="accuracy").to_markdown(index=False))


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


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "variant": rows["variant"],
        "accuracy": rows["accuracy"].map(figure),
        "95 % interval": _interval(rows, "accuracy", figure),
        "group": rows["group"],
        "sd": rows["accuracy_sd"].map(figure),
        "log loss": rows["loss"].map(figure),
    }
    if len(names := rows["out_of_domain_set"].dropna().unique()):
        columns[f"on {names[0]}"] = rows["out_of_domain_accuracy"].map(figure)
    columns |= {
        "replicates": _replicates(rows),
        "parameters": rows["parameters"].map("{:,}".format),
        "published": rows["published"].map(figure),
        "verdict": rows["verdict"],
    }
    return pd.DataFrame(columns)


def _numbers(rows: pd.DataFrame) -> pd.DataFrame:
    tolerance = f"within {rows['tolerance'].iloc[0]:g}"
    solved = (rows["solved"] * rows["replicates"]).fillna(0).map("{:.0f}".format)
    return pd.DataFrame(
        {
            "variant": rows["variant"],
            "MSE": rows["loss"].map(small),
            "95 % interval of MSE": _interval(rows, "loss", small),
            "group": rows["group"],
            tolerance: rows["accuracy"].map(figure),
            f"95 % interval {tolerance}": _interval(rows, "accuracy", figure),
            "solved": solved + " of " + _replicates(rows),
            "parameters": rows["parameters"].map("{:,}".format),
            "published MSE": rows["published_loss"].map(small),
            f"published {tolerance}": rows["published"].map(figure),
            "verdict": rows["verdict"],
        }
    )


def _interval(rows: pd.DataFrame, key: str, shown: Callable[[float], str]) -> pd.Series[str]:
    interval = rows[f"{key}_low"].map(shown) + " to " + rows[f"{key}_high"].map(shown)
    return interval.where(rows[f"{key}_low"].notna(), "")


def _replicates(rows: pd.DataFrame) -> pd.Series[str]:
    """How many are scored, and how many diverged."""
    counts = rows["replicates"].astype(str)
    return counts.where(
        rows["diverged"] == 0, counts + ", " + rows["diverged"].astype(str) + " diverged"
    )
