"""Questions that the tutorials raise, and the pairs of variants that answer them."""

from __future__ import annotations

from rnnbench.report.findings import Findings

_QUESTIONS = {
    "Does a GRU beat an LSTM on reviews?": ("imdb_embedding_gru", "imdb_embedding_lstm"),
    "Does an LSTM beat a SimpleRNN on reviews?": (
        "imdb_embedding_lstm",
        "imdb_embedding_simple_rnn",
    ),
    "Does it help to read reviews in both directions?": (
        "imdb_embedding_bidirectional_lstm",
        "imdb_embedding_lstm",
    ),
    "Does a second layer help on reviews?": ("imdb_embedding_stacked_lstm", "imdb_embedding_lstm"),
    "Does an LSTM on whole reviews beat a linear model on n-grams?": (
        "imdb_ngrams_linear",
        "imdb_subword_bidirectional_lstm",
    ),
    "Is an Embedding of word ids better than the ids as plain numbers? "
    "(The networks also differ in units and epochs.)": ("reuters_embedding_lstm", "reuters_lstm"),
    "Does a GRU beat an LSTM on the product of two distant numbers?": (
        "product_gru",
        "product_lstm",
    ),
}
# Cell, recurrent layers and direction that a variant must have for its questions to make sense.
_ARCHITECTURES = {
    "imdb_embedding_gru": ("GRU", 1, False),
    "imdb_embedding_lstm": ("LSTM", 1, False),
    "imdb_embedding_simple_rnn": ("SimpleRNN", 1, False),
    "imdb_embedding_bidirectional_lstm": ("LSTM", 1, True),
    "imdb_embedding_stacked_lstm": ("LSTM", 2, False),
    "imdb_ngrams_linear": ("none", 0, False),
    "imdb_subword_bidirectional_lstm": ("LSTM", 1, True),
    "reuters_embedding_lstm": ("LSTM", 1, False),
    "reuters_lstm": ("LSTM", 1, False),
    "product_gru": ("GRU", 2, False),
    "product_lstm": ("LSTM", 2, False),
}


def answers(findings: Findings) -> list[str]:
    """Question and answer in one line each, for those that the comparison can answer."""
    expected = {
        name
        for name, row in findings.rows.items()
        if _ARCHITECTURES.get(name) == (row["cell"], row["recurrent_layers"], row["bidirectional"])
    }
    return [
        f"**{question}** {findings.compared(*variants)}."
        for question, variants in _QUESTIONS.items()
        if findings.tested(*variants) and expected.issuperset(variants)
    ]
