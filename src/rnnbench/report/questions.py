"""Questions that the tutorials raise, and the pairs of variants that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnbench.report.findings import Findings

Architecture = Mapping[str, Any]

_PLAIN = {"recurrent_layers": 1, "bidirectional": False}
_LSTM = {"cell": "LSTM", **_PLAIN}

# Two variants each, with what their architectures must be for the question to make sense.
_QUESTIONS: tuple[tuple[str, Mapping[str, Architecture]], ...] = (
    (
        "Does a GRU beat an LSTM on reviews?",
        {"imdb_embedding_gru": {"cell": "GRU", **_PLAIN}, "imdb_embedding_lstm": _LSTM},
    ),
    (
        "Does an LSTM beat a SimpleRNN on reviews?",
        {
            "imdb_embedding_lstm": _LSTM,
            "imdb_embedding_simple_rnn": {"cell": "SimpleRNN", **_PLAIN},
        },
    ),
    (
        "Does it help to read reviews in both directions?",
        {
            "imdb_embedding_bidirectional_lstm": _LSTM | {"bidirectional": True},
            "imdb_embedding_lstm": _LSTM,
        },
    ),
    (
        "Does a second layer help on reviews?",
        {
            "imdb_embedding_stacked_lstm": _LSTM | {"recurrent_layers": 2},
            "imdb_embedding_lstm": _LSTM,
        },
    ),
    (
        "Does an LSTM on whole reviews beat a linear model on n-grams?",
        {
            "imdb_ngrams_linear": {"cell": "none"},
            "imdb_subword_bidirectional_lstm": {"cell": "LSTM"},
        },
    ),
    (
        "Is an Embedding of word ids better than the ids as plain numbers? "
        "(The networks also differ in units and epochs.)",
        {"reuters_embedding_lstm": _LSTM, "reuters_lstm": _LSTM},
    ),
    (
        "Does a GRU beat an LSTM on the product of two distant numbers?",
        {"product_gru": {"cell": "GRU"}, "product_lstm": {"cell": "LSTM"}},
    ),
)


def answers(findings: Findings) -> list[tuple[str, str]]:
    """Question and answer, for the questions that the comparison can answer."""
    return [
        (question, findings.compared(*variants))
        for question, variants in _QUESTIONS
        if findings.tested(*variants)
        and all(
            findings.rows[name][key] == value
            for name, architecture in variants.items()
            for key, value in architecture.items()
        )
    ]
