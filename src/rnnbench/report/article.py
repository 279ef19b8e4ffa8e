"""The article stage: the tables in metrics/ -> metrics/comparison.md, every figure filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import RECURRENT
from rnnbench.params import Comparison, Params
from rnnbench.report.champions import champions
from rnnbench.report.contrasts import pair_answer
from rnnbench.report.findings import Findings, answers, contrast_text, protocol
from rnnbench.report.markdown import (
    epochs_table,
    figure,
    further_sets,
    measures_table,
    published_table,
    render,
    scores_table,
    small,
    spreads_table,
)
from rnnbench.report.outputs import best_network, finished, read_csv, read_table
from rnnbench.report.paper_tables import write_paper_tables
from rnnbench.report.studies.page import answers_of


def write_article(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write comparison.md, tables/ and confident_misclassifications.csv; return the comparison.

    Raises DataError if a table is missing or damaged.
    """
    comparison, pairs, questions = (
        read_table(workspace.metrics, name) for name in ("comparison", "pairs", "questions")
    )
    pictures = {path.name for path in (workspace.metrics / "pictures").glob("*.svg")}
    studies = [_study(workspace, params, name) for name in params.studies]
    page = article(comparison, pairs, questions, params, pictures, studies)
    write_text(workspace.metrics / "comparison.md", page)
    write_paper_tables(workspace, comparison, questions, params)
    errors = pd.concat(
        read_csv(workspace.misclassifications(name), dtype=str, keep_default_na=False)
        for name in comparison["variant"]
    )
    path = workspace.metrics / "confident_misclassifications.csv"
    write_text(path, errors.to_csv(index=False))
    return comparison


def article(
    comparison: pd.DataFrame,
    pairs: pd.DataFrame,
    questions: pd.DataFrame,
    params: Params,
    pictures: set[str],
    studies: Sequence[dict[str, Any]] = (),
) -> str:
    """The text of comparison.md.

    pictures: the file names of the existing pictures. studies: the name, the question and the
    answers of each study, none if it has not been run. The article names the variants of
    params.yaml that the comparison lacks.
    """
    settings, compared = params.comparison, set(comparison["variant"])
    findings = Findings(finished(comparison), pairs)
    best = champions(comparison, pairs, settings)
    tasks = []
    for corpus, rows in comparison.groupby("corpus", sort=False):
        task = _task(str(corpus), rows, findings, params)
        task["champion"] = best.get(str(corpus))
        task["choice"] = _choice(task, rows, pairs, settings)
        tasks.append(task)
    accuracies = questions[questions["measure"] == "accuracy"]
    return render(
        "article.md.j2",
        missing=[name for name in params.variants if name not in compared],
        answers=answers(questions, settings, compared),
        studies=studies,
        epochs=epochs_table(accuracies) if accuracies["last_effect"].notna().any() else "",
        tasks=tasks,
        pairs=len(pairs),
        pictures=pictures,
        settings=settings,
        published=params.published,
    )


def _study(workspace: Workspace, params: Params, name: str) -> dict[str, Any]:
    found = answers_of(workspace, params, name)
    return {"name": name, "question": params.study(name).question, "answers": found}


def _task(corpus: str, rows: pd.DataFrame, findings: Findings, params: Params) -> dict[str, Any]:
    sets = [
        {
            "protocol": protocol(str(members["protocol"].iloc[0])),
            "first": members.iloc[0],
            "datasets": members.drop_duplicates("dataset").to_dict("records"),
            "scores": scores_table(members),
            "measures": measures_table(finished(members)),
            "spreads": spreads_table(members) if members["sd"].notna().any() else "",
            "findings": findings.of_set(corpus, int(str(number))),
        }
        for number, members in rows.groupby("evaluation_set", sort=True)
    ]
    published, scored = params.published, finished(rows)
    sizes = {name: rows[f"samples_{name}"].max() for name in further_sets(rows)}
    return {
        "corpus": corpus,
        "title": params.title(corpus),
        "sets": sets,
        "further": {name: int(size) for name, size in sizes.items() if pd.notna(size)},
        "compared": published_table(rows, params.comparison),
        "published": [(name, published[name]) for name in rows["variant"] if name in published],
        "widest": _widest(scored),
        "network": best_network(scored),
        "recurrent": next(iter(scored.loc[scored["role"] == RECURRENT, "variant"]), None),
    }


def _choice(
    task: dict[str, Any], rows: pd.DataFrame, pairs: pd.DataFrame, settings: Comparison
) -> list[str]:
    """What one would use: the champion of a task, and its best recurrent network."""
    champion, recurrent = task["champion"], task["recurrent"]
    if champion is None or rows["protocol"].iloc[0] == "same":
        return []
    lines = [_described(rows, champion)]
    if recurrent is not None and recurrent != champion:
        found = pairs[
            pairs["first"].isin([champion, recurrent]) & pairs["second"].isin([champion, recurrent])
        ]
        test = [
            contrast_text(row | {"answer": pair_answer(row, settings)}, settings)
            for row in found.to_dict("records")
        ]
        lines.append(
            " ".join([f"The best recurrent network: {_described(rows, recurrent)}", *test])
        )
    return lines


def _described(rows: pd.DataFrame, name: str) -> str:
    """A variant with its score and its size, a sentence."""
    (row,) = rows[rows["variant"] == name].to_dict("records")
    numbers = row["target"] == "number"
    key, what, form = ("loss", "MSE", small) if numbers else ("accuracy", "accuracy", figure)
    interval = f" ({form(row[f'{key}_low'])} to {form(row[f'{key}_high'])})"
    score = f"{form(row[key])}{interval if pd.notna(row[f'{key}_low']) else ''}"
    return f"`{name}`, {what} {score}, {row['parameters']:,} parameters."


def _widest(rows: pd.DataFrame) -> pd.Series[Any] | None:
    """The variant whose replicates differ most in accuracy; None if none differ."""
    widths = rows["accuracy_max"] - rows["accuracy_min"]
    return rows.loc[[widths.idxmax()]].iloc[0] if (widths > 0).any() else None
