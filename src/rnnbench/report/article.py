"""metrics/comparison.md: the comparison as an article. Every figure in it is filled in."""

from __future__ import annotations

from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from rnnbench import corpora
from rnnbench.params import Published
from rnnbench.report.findings import Findings
from rnnbench.report.markdown import costs_table, figure, measures_table, records, scores_table
from rnnbench.report.questions import answers
from rnnbench.report.results import Result
from rnnbench.report.roles import STRONG_BASELINE, best_network, finished
from rnnbench.report.statistics.bootstrap import DRAWS


def article(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    results: list[Result],
    published: dict[str, Published],
    drawn: set[str],
) -> str:
    """The text of comparison.md; `drawn` are the names of the pictures that there are."""
    scored = finished(table)
    findings = Findings(scored, pairs)
    tasks = [
        {
            "corpus": corpus,
            "title": corpora.load(str(corpus)).TITLE,
            "datasets": records(own.drop_duplicates("dataset")),
            "outside": next(iter(records(own[own["out_of_domain_set"].notna()])), None),
            "scores": scores_table(own),
            "measures": measures_table(finished(own)),
            "findings": findings.summary(str(corpus)),
            "published": [(n, published[n]) for n in own["variant"] if n in published],
            "widest": _widest([r for r in results if r.meta.corpus == corpus]),
            "network": best_network(finished(own)),
        }
        for corpus, own in table.groupby("corpus", sort=False)
    ]
    return _render(
        "article.md.j2",
        findings=findings,
        rows=findings.rows,
        answers=answers(findings, results),
        tasks=tasks,
        pairs=len(pairs),
        draws=DRAWS,
        drawn=drawn,
        ceiling=(scored["role"] == STRONG_BASELINE).any(),
    )


def cost_page(costs: pd.DataFrame) -> str:
    """The text of cost.md."""
    minutes = costs["seconds"].sum() / 60
    return _render("cost.md.j2", table=costs_table(costs), minutes=minutes)


def _render(template: str, **values: Any) -> str:
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


def _widest(results: list[Result]) -> dict[str, Any] | None:
    """The variant whose replicates differ most, with its lowest and highest share of answers."""
    shares = {r.name: r.table("accuracy").mean(axis=1) for r in results if len(r.prediction) > 1}
    if not shares:
        return None
    name = max(shares, key=lambda n: float(shares[n].max() - shares[n].min()))
    low, high = float(shares[name].min()), float(shares[name].max())
    return {"variant": name, "low": low, "high": high} if high > low else None
