"""metrics/comparison.md: the comparison as an article. Every figure in it is filled in."""

from __future__ import annotations

from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from rnnbench import corpora
from rnnbench.params import Params
from rnnbench.report.findings import Findings
from rnnbench.report.markdown import costs_table, figure, measures_table, scores_table
from rnnbench.report.results import OTHER, RECURRENT, Result
from rnnbench.statistics.bootstrap import DRAWS

# The questions that a reader of the tutorials comes with. One is asked if both variants are there.
_QUESTIONS = (
    ("Does a GRU beat an LSTM on reviews?", "imdb_embedding_gru", "imdb_embedding_lstm"),
    (
        "Does an LSTM beat a SimpleRNN on reviews?",
        "imdb_embedding_lstm",
        "imdb_embedding_simple_rnn",
    ),
    (
        "Does reading in both directions help?",
        "imdb_embedding_bidirectional_lstm",
        "imdb_embedding_lstm",
    ),
    ("Does a second layer help?", "imdb_embedding_stacked_lstm", "imdb_embedding_lstm"),
    (
        "Does a recurrent network beat a linear model on n-grams?",
        "imdb_ngrams_linear",
        "imdb_subword_bidirectional_lstm",
    ),
    (
        "Does an Embedding help in place of raw numbers?",
        "reuters_embedding_lstm",
        "reuters_lstm",
    ),
    ("Does a GRU beat an LSTM on long sequences?", "product_gru", "product_lstm"),
)


def article(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    results: list[Result],
    params: Params,
    drawn: set[str],
) -> str:
    """The text of comparison.md; `drawn` are the names of the pictures that there are."""
    findings = Findings(table, pairs)
    rows = findings.rows
    asked = [q for q in _QUESTIONS if q[1] in rows and q[2] in rows]
    tasks = [
        {
            "corpus": corpus,
            "title": corpora.load(str(corpus)).TITLE,
            "datasets": [group.iloc[0] for _, group in own.groupby("dataset", sort=False)],
            "outside": next(iter(own.loc[own["outside_set"].notna()].to_dict("records")), None),
            "scores": scores_table(own),
            "measures": measures_table(own),
            "findings": findings.summary(str(corpus)),
            "published": [
                (n, params.published[n]) for n in own["variant"] if n in params.published
            ],
            "widest": _widest([r for r in results if r.meta.corpus == corpus]),
        }
        for corpus, own in table.groupby("corpus", sort=False)
    ]
    return _render(
        "article.md.j2",
        rows=rows,
        answers=[(question, findings.compared(a, b)) for question, a, b in asked],
        compared=findings.compared,
        tasks=tasks,
        pairs=len(pairs),
        draws=DRAWS,
        drawn=drawn,
        confused=_confused(table),
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


def _confused(table: pd.DataFrame) -> str | None:
    """The variant of the picture of confusions: the best network with many classes."""
    rows = table[(table["target"] == "classes") & table["role"].isin([RECURRENT, OTHER])]
    return str(rows.iloc[0]["variant"]) if len(rows) else None
