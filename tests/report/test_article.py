from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.params import Published
from rnnbench.report.article import article
from tests.frozen import PARAMS

Tables = tuple[pd.DataFrame, pd.DataFrame]


def page_of(tables: Tables, published: dict[str, Published] = PARAMS.published) -> str:
    return article(*tables, published, PARAMS.comparison.margin, set())


def lines_of(page: str, begin: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(begin)]


@pytest.fixture(scope="module")
def page(reported: Workspace) -> str:
    return (reported.metrics / "comparison.md").read_text()


@pytest.fixture
def reviews(compared: Tables) -> Tables:
    comparison, pairs = (table[table["corpus"] == "imdb"] for table in compared)
    return comparison.copy(), pairs.copy()


def test_every_task_has_its_part_and_every_variant_its_row(page: str) -> None:
    for name in PARAMS.variants:
        assert len(lines_of(page, f"| {name} ")) == 2
    row = lines_of(page, "| imdb_embedding_lstm")[0]
    assert "33,321" in row
    assert "0.8372" in row
    heads = ["on rotten_tomatoes" in head for head in lines_of(page, "| variant")]
    assert heads == [True, *[False] * 9]


def test_numbers_have_a_table_of_their_errors_with_the_published_one(page: str) -> None:
    head = next(line for line in lines_of(page, "| variant") if "MSE" in line)
    assert "within 0.04" in head
    row = lines_of(page, "| product_gru")[0]
    assert "0 of 3" in row
    assert "1.30e-04" in row


def test_figures_in_the_text_are_those_of_the_tables(compared: Tables, page: str) -> None:
    table, pairs = compared
    rows = table.set_index("variant")
    assert f"{rows.loc['reuters_majority', 'accuracy']:.4f}" in page.split("The majority class")[1]
    own = table[table["corpus"] == "imdb"].set_index("variant")
    widest = (own["accuracy_max"] - own["accuracy_min"]).idxmax()
    pitfall = page.split(f"the replicates of `{widest}`")[1]
    low, high = own.loc[widest, ["accuracy_min", "accuracy_max"]]
    assert f"{low:.4f} to {high:.4f}" in pitfall.splitlines()[1]
    gap = pairs.set_index(["first", "second"])["difference"].abs()
    names = ("imdb_embedding_gru", "imdb_embedding_lstm")
    key = names if names in gap.index else names[::-1]
    answer = lines_of(page, "- **Does a GRU beat an LSTM on reviews?**")[0]
    assert f"differs by {gap[key]:.4f}" in answer


def test_a_figure_that_is_not_comparable_has_its_reason(reviews: Tables) -> None:
    name = "imdb_embedding_lstm"
    figure = PARAMS.published[name].model_copy(update={"comparable": False, "note": "Other films."})
    page = page_of(reviews, PARAMS.published | {name: figure})
    assert any("Other films." in line for line in lines_of(page, f"- `{name}`"))


@pytest.mark.parametrize("corpus", PARAMS.corpora)
def test_any_single_variant_makes_a_page(compared: Tables, corpus: str) -> None:
    comparison, pairs = compared
    for name in comparison.loc[comparison["corpus"] == corpus, "variant"]:
        page = page_of((comparison[comparison["variant"] == name], pairs.head(0)))
        assert len(lines_of(page, f"| {name} ")) == 2


def test_a_question_about_a_changed_network_is_not_asked(reviews: Tables) -> None:
    question = "- **Does a second layer help on reviews?**"
    assert lines_of(page_of(reviews), question)
    stacked = reviews[0]["variant"] == "imdb_embedding_stacked_lstm"
    reviews[0].loc[stacked, "recurrent_layers"] = 1
    assert not lines_of(page_of(reviews), question)


def test_variants_with_other_samples_are_summarized_apart(reviews: Tables) -> None:
    comparison, pairs = reviews
    other = comparison["variant"].iloc[::2]
    fewer = comparison["variant"].isin(other)
    comparison.loc[fewer, ["evaluation_set", "evaluation_samples"]] = (2, 300)
    same = pairs["first"].isin(other) == pairs["second"].isin(other)
    page = page_of((comparison, pairs[same]))
    assert lines_of(page, "Of all variants on the same 300 samples")
    assert lines_of(page, "Of all variants on the same 400 samples")
    assert page.count("of 15 pairs") == 2


def test_a_variant_whose_replicates_all_diverged_has_a_row_without_scores(reviews: Tables) -> None:
    comparison, pairs = reviews
    name = "imdb_embedding_gru"
    lost = comparison["variant"] == name
    scores = comparison.columns[comparison.columns.str.startswith(("accuracy", "loss", "f1"))]
    comparison.loc[lost, [*scores, "best_epoch", "epochs"]] = float("nan")
    comparison.loc[lost, ["group", "replicates", "diverged"]] = ("", 0, 3)
    page = page_of((comparison, pairs[(pairs["first"] != name) & (pairs["second"] != name)]))
    (row,) = lines_of(page, f"| {name} ")
    assert "0, 3 diverged" in row
    assert "nan" not in page


def test_all_misclassifications_are_listed_in_one_table(reported: Workspace) -> None:
    listed = (reported.metrics / "confident_misclassifications.csv").read_text().splitlines()
    expected = [
        line
        for name in PARAMS.variants
        for line in Path(reported.misclassifications(name)).read_text().splitlines()[1:]
    ]
    assert sorted(listed[1:]) == sorted(expected)
