"""Rows of the comparison as Markdown tables, and the pages around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from rnnbench.params import Comparison
from rnnbench.report.outputs import NEUTRAL, measure_of


def render(template: str, **values: Any) -> str:
    """A page of Markdown from a template of this package."""
    # There is no HTML to escape.
    return templates(autoescape=False).get_template(template).render(values)


def templates(autoescape: bool) -> Environment:
    """The templates of this package, with filters for figures. autoescape: for pages of HTML."""
    environment = Environment(
        loader=PackageLoader("rnnbench.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=autoescape,  # noqa: S701
    )
    environment.filters |= {"figure": figure, "share": share}
    return environment


def figure(value: float) -> str:
    """A share, or a loss of about one."""
    return f"{value:.4f}" if pd.notna(value) else ""


def small(value: float) -> str:
    """An error far below one."""
    return f"{value:.2e}" if pd.notna(value) else ""


def estimate(ends: list[float], limits: tuple[float, ...], least: int = 4) -> str:
    """A value with its interval, rounded so that each bound stays on its side of the limits."""
    places = max(digits(end, limits, least) for end in ends[1:])
    effect, low, high = (f"{end:.{places}f}" for end in ends)
    return f"{effect} ({low} to {high})"


def effect(ends: list[float], measure: str, margin: float) -> str:
    """A difference of accuracies, or a ratio of losses, with its interval, as by `estimate`."""
    if measure == "loss":
        return estimate(ends, (NEUTRAL["loss"], 1 + margin, 1 / (1 + margin)), 2)
    return estimate(ends, (NEUTRAL["accuracy"], margin, -margin))


def digits(value: float, limits: tuple[float, ...], least: int) -> int:
    """The decimal places, at least `least`, that keep a value on its side of the limits."""
    return next(
        places
        for places in itertools.count(least)
        if all(np.sign(round(value, places) - end) == np.sign(value - end) for end in limits)
    )


def share(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:g} %"


def short_table(rows: pd.DataFrame) -> str:
    """The accuracies of one evaluation set, for the README."""
    table = scores(rows)
    columns = ["variant", "accuracy", "95 % interval", "group", "last epoch", "replicates"]
    return markdown(table[[name for name in columns if name in table]])


def scores_table(rows: pd.DataFrame) -> str:
    """The scores of one evaluation set, with intervals and groups."""
    return markdown(scores(rows))


def scores(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of `scores_table`."""
    numbers = _are_numbers(rows)
    what = f"within {rows['tolerance'].iloc[0]:g}" if numbers else "accuracy"
    columns = {"variant": rows["variant"]}
    # Numbers are ranked and grouped by their error.
    if numbers:
        columns["MSE"] = rows["loss"].map(small)
        columns["95 % interval of MSE"] = _interval(rows, "loss", small)
        solved = (rows["solved"] * rows["replicates"]).fillna(0).map("{:.0f}".format)
        columns["solved"] = solved + " of " + rows["replicates"].astype(str)
    columns[what] = rows["accuracy"].map(figure)
    columns["95 % interval"] = _interval(rows, "accuracy", figure)
    columns["group"] = rows["group"].fillna("")
    columns["best of set"] = _formatted(rows["p_best"], "{:.2f}")
    if (rows["validation_samples"] > 0).any():
        columns["last epoch"] = rows["last_loss" if numbers else "last_accuracy"].map(
            small if numbers else figure
        )
    trained = rows["epochs"] > 1
    curve = rows["curve_loss" if numbers else "curve_accuracy"].map(small if numbers else figure)
    columns["mean of epochs"] = curve.where(trained, "")
    if not numbers:
        columns["log loss"] = rows["loss"].map(figure)
    for name in further_sets(rows):
        if rows[f"on_{name}"].notna().any():
            columns[f"on {name}"] = rows[f"on_{name}"].map(figure)
    diverged = rows["diverged"].map(lambda count: f", {count} diverged" if count else "")
    columns["replicates"] = rows["replicates"].astype(str) + diverged
    columns["parameters"] = rows["parameters"].map("{:,}".format)
    return pd.DataFrame(columns)


def further_sets(rows: pd.DataFrame) -> list[str]:
    """The names of the further evaluation sets of the comparison."""
    names = map(str, rows)
    return [name.removeprefix("samples_") for name in names if name.startswith("samples_")]


def published_table(rows: pd.DataFrame, settings: Comparison) -> str:
    """The published figures of a task, with ours after the last epoch and the verdicts."""
    rows = rows[rows["published"].notna()]
    difference, ratio = (
        [f"published_{kind}{end}" for end in ("", "_low", "_high")]
        for kind in ("difference", "loss_ratio")
    )
    columns = {
        "variant": rows["variant"],
        "published": rows["published"].map(figure),
        "ours, last epoch": rows["last_accuracy"].map(figure),
        "published minus ours": _with_bounds(
            rows, difference, lambda ends: effect(ends, "accuracy", settings.margin)
        ),
        "verdict": rows["verdict"],
    }
    if rows["published_loss_ratio"].notna().any():
        columns["published loss"] = rows["published_loss"].map(small)
        columns["published loss / ours"] = _with_bounds(
            rows, ratio, lambda ends: effect(ends, "loss", settings.loss_margin)
        )
        columns["verdict on the loss"] = rows["loss_verdict"]
    return markdown(pd.DataFrame(columns))


def published_figures(row: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """The published accuracy and loss in a row of the comparison, those that it has.

    of: what was measured, in words. form: shows a score. last: ours after the last epoch. effect,
    low, high: published minus ours, or losses divided, with the interval of one more run.
    """
    numbers = measure_of(row["target"]) == "loss"
    within = f"within {row['tolerance']:g}" if numbers else "accuracy"
    loss = ("MSE", small) if numbers else ("log loss", figure)
    return [
        {"measure": measure, "of": of, "form": form, "last": row[f"last_{measure}"]}
        | {"published": row[published], "verdict": row[verdict]}
        | {end: row[f"{compared}_{end}"] for end in ("low", "high")}
        | {"effect": row[compared]}
        for measure, of, form, published, compared, verdict in (
            ("accuracy", within, figure, "published", "published_difference", "verdict"),
            ("loss", *loss, "published_loss", "published_loss_ratio", "loss_verdict"),
        )
        if pd.notna(row[published])
    ]


def spreads_table(rows: pd.DataFrame) -> str:
    """What the scores of single replicates differ by."""
    shown = _percent if _are_numbers(rows) else figure
    titles = {"sd": "all", "sd_seed": "seeds", "sd_split": "splits", "sd_sample": "samples"}
    columns = {"variant": rows["variant"]}
    columns |= {title: rows[key].map(shown) for key, title in titles.items()}
    return markdown(pd.DataFrame(columns))


def measures_table(rows: pd.DataFrame) -> str:
    """Further metrics of the predictions of one evaluation set, and how the trainings went."""
    columns = {"variant": rows["variant"]}
    for key, title in _METRICS.items():
        if rows[key].notna().any():
            columns[title] = rows[key].map(small if key == "mae" else figure)
    if (rows["also_in_training"] > 0).any() and not _are_numbers(rows):
        columns["without duplicates"] = rows["distinct_accuracy"].map(figure)
    trained = rows["epochs"] > 1
    if (rows["validation_samples"] > 0).any():
        chosen = _formatted(rows["chosen_epoch"], "{:.1f} of ")
        columns["chosen epoch"] = (chosen + _formatted(rows["epochs"], "{:.0f}")).where(trained, "")
    gap = _formatted(rows["overfitting_gap"], "{:.2e}" if _are_numbers(rows) else "{:+.4f}")
    columns["overfitting gap"] = gap.where(trained, "")
    return markdown(pd.DataFrame(columns))


_METRICS = {
    "roc_auc": "ROC-AUC",
    "f1": "F1",
    "brier": "Brier score",
    "macro_f1": "macro-F1",
    "top3_accuracy": "top-3 accuracy",
    "mae": "MAE",
}


def epochs_table(questions: pd.DataFrame) -> str:
    """How the answers depend on the epoch: the same difference after three rules."""
    columns = {"question": questions["question"]}
    for kind, title in (("", "chosen epoch"), ("last_", "last epoch"), ("curve_", "all epochs")):
        keys = [f"{kind}{end}" for end in ("effect", "low", "high")]
        columns[title] = _with_bounds(questions, keys, lambda ends: estimate(ends, (0.0,)))
    return markdown(pd.DataFrame(columns))


def markdown(table: pd.DataFrame) -> str:
    """A table of texts, without the columns that are empty."""
    filled = table.loc[:, (table != "").any()]
    return str(filled.to_markdown(index=False, disable_numparse=True))


def _are_numbers(rows: pd.DataFrame) -> bool:
    return bool((rows["target"] == "number").all())


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if pd.notna(value) else ""


def _formatted(values: pd.Series[float], pattern: str) -> pd.Series[str]:
    """The values as texts; empty where there is none, as after a divergence of all replicates."""
    return values.map(lambda value: pattern.format(value) if pd.notna(value) else "")


def _with_bounds(
    rows: pd.DataFrame, keys: list[str], shown: Callable[[list[float]], str]
) -> pd.Series[str]:
    """Values with their bounds, where there are any; `keys` are those of value, low and high."""
    texts = [shown(ends) if pd.notna(ends[0]) else "" for ends in rows[keys].to_numpy().tolist()]
    return pd.Series(texts, index=rows.index)


def _interval(rows: pd.DataFrame, key: str, shown: Callable[[float], str]) -> pd.Series[str]:
    interval = rows[f"{key}_low"].map(shown) + " to " + rows[f"{key}_high"].map(shown)
    return interval.where(rows[f"{key}_low"].notna(), "")
