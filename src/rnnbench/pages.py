"""The comparison and the costs as pages of Markdown."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from rnnbench import corpora
from rnnbench.params import Params

_INTRODUCTION = (
    "Each figure is the mean over replicates on the evaluation split; the 95 % interval covers "
    "replicates and evaluation samples (samples alone where there is one replicate); sd is the "
    "spread between replicates. The verdict compares it with the published figure, which has an "
    "interval of its own. Variants of a task that share a letter of the column "
    '"group" cannot be told apart on the same samples (paired tests of all pairs, corrected by '
    "Holm's method; metrics/pairs.csv has each pair)."
)


def comparison_page(scores: pd.DataFrame, params: Params) -> str:
    """One table a corpus, with what must be known of its samples and of the published figures."""
    parts = ["# Comparison of recurrent networks", _INTRODUCTION]
    for corpus, rows in scores.groupby("corpus", sort=False):
        table = _numbers(rows) if (rows["target"] == "number").all() else _shares(rows)
        parts += [
            f"## {corpora.load(str(corpus)).TITLE}",
            "\n".join(_facts(rows)),
            table.to_markdown(index=False, disable_numparse=True),
        ]
        if notes := _notes(rows, params):
            parts.append("Published figures:\n\n" + "\n".join(notes))
    return "\n\n".join(parts) + "\n"


def cost_page(costs: pd.DataFrame) -> str:
    """What each training took."""
    note = (
        "Measured during the training on one CPU thread, compilation included. "
        "These figures differ from run to run and from machine to machine."
    )
    total = f"All trainings together: {costs['seconds'].sum() / 60:.0f} minutes of one thread."
    table = costs.to_markdown(index=False)
    return f"# Cost of each training\n\n{note}\n\n{table}\n\n{total}\n"


def _facts(rows: pd.DataFrame) -> list[str]:
    """One line a dataset."""
    lines = []
    for dataset, variants in rows.groupby("dataset", sort=False):
        first = variants.iloc[0]
        line = (
            f"- `{dataset}`: {first['training_samples']:,} training and "
            f"{first['evaluation_samples']:,} evaluation samples, {first['also_in_training']} of "
            "which are encoded just as a training sample is"
        )
        if first["target"] == "classes":
            line += f"; {first['distinct_targets']} classes occur"
        lines.append(line + ".")
    if rows["outside_set"].notna().any():
        first = rows[rows["outside_set"].notna()].iloc[0]
        lines.append(
            f"- {_outside(rows)}: accuracy on {first['outside_samples']:,.0f} texts that are not "
            "of the corpus's training part, encoded just as its own are."
        )
    return lines


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "variant": rows["variant"],
        "accuracy": rows["accuracy"].map(_figure),
        "95 % interval": _interval(rows, "accuracy", _figure),
        "group": rows["group"],
        "sd": rows["accuracy_sd"].map(_figure),
        "loss": rows["loss"].map(_figure),
        _outside(rows): rows["outside_accuracy"].map(_figure),
        "replicates": rows["replicates"],
        "parameters": rows["parameters"].map("{:,}".format),
        "published": rows["published"].map(_figure),
        "verdict": rows["verdict"],
    }
    columns.pop("", None)
    return pd.DataFrame(columns)


def _outside(rows: pd.DataFrame) -> str:
    """The title of the column of the further evaluation set; empty if there is none."""
    names = rows["outside_set"].dropna().unique()
    return f"on {names[0]}" if len(names) else ""


def _numbers(rows: pd.DataFrame) -> pd.DataFrame:
    tolerance = f"within {rows['tolerance'].iloc[0]:g}"
    return pd.DataFrame(
        {
            "variant": rows["variant"],
            "MSE": rows["loss"].map(_small),
            "95 % interval of MSE": _interval(rows, "loss", _small),
            "group": rows["group"],
            tolerance: rows["accuracy"].map(_figure),
            f"95 % interval {tolerance}": _interval(rows, "accuracy", _figure),
            "solved": (rows["solved"] * rows["replicates"]).map("{:.0f}".format)
            + " of "
            + rows["replicates"].astype(str),
            "parameters": rows["parameters"].map("{:,}".format),
            "published MSE": rows["published_loss"].map(_small),
            f"published {tolerance}": rows["published"].map(_figure),
            "verdict": rows["verdict"],
        }
    )


def _notes(rows: pd.DataFrame, params: Params) -> list[str]:
    lines = []
    for name in rows["variant"]:
        if published := params.published.get(name):
            parts = [f"- `{name}`: {published.source}.", published.note]
            lines.append(" ".join(filter(None, parts)))
    return lines


def _interval(rows: pd.DataFrame, key: str, shown: Callable[[float], str]) -> pd.Series[str]:
    return rows[f"{key}_low"].map(shown) + " to " + rows[f"{key}_high"].map(shown)


def _figure(value: float) -> str:
    return f"{value:.4f}" if pd.notna(value) else ""


def _small(value: float) -> str:
    return f"{value:.2e}" if pd.notna(value) else ""
