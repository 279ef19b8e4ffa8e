"""The article stage: the tables in metrics/ -> metrics/comparison.md, every figure filled in."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rnnbench import corpora
from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params, Published
from rnnbench.report.findings import Findings
from rnnbench.report.markdown import measures_table, render, scores_table
from rnnbench.report.outputs import best_network, finished, read_csv, read_table
from rnnbench.report.questions import answers


def write_article(workspace: Workspace, params: Params) -> pd.DataFrame:
    """Write comparison.md and confident_misclassifications.csv; return the comparison.

    Raises DataError if a table is missing or damaged.
    """
    comparison, pairs = (read_table(workspace, name) for name in ("comparison", "pairs"))
    pictures = {path.name for path in (workspace.metrics / "pictures").glob("*.svg")}
    page = article(comparison, pairs, params.published, params.comparison.margin, pictures)
    write_text(workspace.metrics / "comparison.md", page)
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
    published: dict[str, Published],
    margin: float,
    pictures: set[str],
) -> str:
    """The text of comparison.md; `pictures` are the file names of the existing pictures."""
    findings = Findings(finished(comparison), pairs)
    tasks = [
        {
            "corpus": corpus,
            "title": corpora.load(str(corpus)).TITLE,
            "datasets": rows.drop_duplicates("dataset").to_dict("records"),
            "out_of_domain": next(
                iter(rows[rows["out_of_domain_set"].notna()].to_dict("records")), None
            ),
            "scores": scores_table(rows),
            "measures": measures_table(finished(rows)),
            "findings": findings.summary(str(corpus)),
            "published": [(name, published[name]) for name in rows["variant"] if name in published],
            "widest": _widest(finished(rows)),
            "network": best_network(finished(rows)),
        }
        for corpus, rows in comparison.groupby("corpus", sort=False)
    ]
    return render(
        "article.md.j2",
        findings=findings,
        rows=findings.rows,
        answers=answers(findings),
        tasks=tasks,
        pairs=len(pairs),
        pictures=pictures,
        margin=margin,
    )


def _widest(rows: pd.DataFrame) -> pd.Series[Any] | None:
    """The variant whose replicates differ most in accuracy; None if none differ."""
    widths = rows["accuracy_max"] - rows["accuracy_min"]
    return rows.loc[[widths.idxmax()]].iloc[0] if (widths > 0).any() else None
