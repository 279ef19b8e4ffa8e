"""Questions that the tutorials raise, and the pairs of variants that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench.report.findings import Findings

_PLAIN = {"recurrent_layers": 1, "bidirectional": False}
_LSTM = {"cell": "LSTM", **_PLAIN}


@dataclass(frozen=True)
class Side:
    """A variant, and what its architecture must be for the question to make sense."""

    variant: str
    architecture: Mapping[str, Any]

    def holds(self, rows: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether the comparison has the variant, with this architecture."""
        row = rows.get(self.variant)
        return row is not None and all(row[k] == v for k, v in self.architecture.items())


_QUESTIONS = (
    (
        "Does a GRU beat an LSTM on reviews?",
        Side("imdb_embedding_gru", {"cell": "GRU", **_PLAIN}),
        Side("imdb_embedding_lstm", _LSTM),
    ),
    (
        "Does an LSTM beat a SimpleRNN on reviews?",
        Side("imdb_embedding_lstm", _LSTM),
        Side("imdb_embedding_simple_rnn", {"cell": "SimpleRNN", **_PLAIN}),
    ),
    (
        "Does it help to read reviews in both directions?",
        Side("imdb_embedding_bidirectional_lstm", _LSTM | {"bidirectional": True}),
        Side("imdb_embedding_lstm", _LSTM),
    ),
    (
        "Does a second layer help on reviews?",
        Side("imdb_embedding_stacked_lstm", _LSTM | {"recurrent_layers": 2}),
        Side("imdb_embedding_lstm", _LSTM),
    ),
    (
        "Does an LSTM on whole reviews beat a linear model on n-grams?",
        Side("imdb_ngrams_linear", {"cell": "none"}),
        Side("imdb_subword_bidirectional_lstm", {"cell": "LSTM"}),
    ),
    (
        "Do word ids serve better through an Embedding than as plain numbers? "
        "(The networks also differ in units and epochs.)",
        Side("reuters_embedding_lstm", _LSTM),
        Side("reuters_lstm", _LSTM),
    ),
    (
        "Does a GRU beat an LSTM on the multiplication of two far numbers?",
        Side("product_gru", {"cell": "GRU"}),
        Side("product_lstm", {"cell": "LSTM"}),
    ),
)


def answers(findings: Findings) -> list[tuple[str, str]]:
    """Question and answer, for the questions that the comparison can answer."""
    return [
        (question, findings.compared(first.variant, second.variant))
        for question, first, second in _QUESTIONS
        if first.holds(findings.rows)
        and second.holds(findings.rows)
        and findings.tested(first.variant, second.variant)
    ]
