import itertools
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import BASELINE, OTHER, RECURRENT
from rnnbench.params import Published, Question
from rnnbench.report.article import article
from rnnbench.report.champions import champions
from rnnbench.report.comparison import compare_all
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.questions import ask
from rnnbench.report.results import Result
from tests.frozen import PARAMS
from tests.report.helpers import SETTINGS, invent

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def page_of(tables: Tables, published: dict[str, Published] = PARAMS.published) -> str:
    """The page about some variants, as if params.yaml had no others."""
    variants = dict.fromkeys(tables[0]["variant"], PARAMS.variant("imdb_majority"))
    params = replace(PARAMS, published=published, variants=variants)
    return article(*tables, params, set())


def page_about(results: list[Result], published: dict[str, Published] | None = None) -> str:
    """The page about some results, without questions."""
    sets = evaluation_sets(results)
    tables = compare_all(sets, published or {}, SETTINGS)
    return page_of((*tables, ask([], sets, SETTINGS)), published or {})


def lines_of(page: str, begin: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(begin)]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def table_with(page: str, column: str) -> pd.DataFrame:
    """The rows of the first table with a column, by their first cells."""
    _, head, body = re.split(rf"(^\| .*\| {re.escape(column)} .*$)", page, flags=re.M)[:3]
    rows = [cells(line) for line in body.split("\n\n")[0].strip().splitlines()[1:]]
    return pd.DataFrame(rows, columns=cells(head)).set_index(cells(head)[0])


@pytest.fixture(scope="module")
def page(reported: Workspace) -> str:
    return (reported.metrics / "comparison.md").read_text()


@pytest.fixture
def reviews(compared: Tables) -> Tables:
    comparison, pairs, questions = compared
    comparison, pairs = (t[t["corpus"] == "imdb"] for t in (comparison, pairs))
    about = questions["first"].str.startswith("imdb")
    return comparison.copy(), pairs.copy(), questions[about].copy()


def test_every_set_has_its_part_and_every_variant_its_row(page: str) -> None:
    for name in PARAMS.variants:
        assert len(lines_of(page, f"| {name} ")) >= 2
    assert lines_of(page, "### ")[-10:] == [
        "### Film-disjoint splits: 400 evaluation samples in each",
        "### Random splits: 400 evaluation samples in each",
        "### Published figures",
        "### Random splits: 400 evaluation samples in each",
        "### One split, the last samples",
        "### Published figures",
        "### New data in every split: 400 evaluation samples in each",
        "### Published figures",
        "### Random splits: 400 evaluation samples in each",
        "### Evaluated on the training samples",
    ]
    heads = ["on rotten_tomatoes" in head for head in lines_of(page, "| variant")]
    assert heads[0]
    assert sum(heads) == 2


def test_tables_lists_and_headings_stand_between_empty_lines(page: str) -> None:
    lines = page.splitlines()
    for before, line in itertools.pairwise(lines):
        for begin in ("|", "- ", "#", "!["):
            if line.startswith(begin):
                assert before == "" or before.startswith((begin, "  ")), line
    assert "\n\n\n" not in page


def test_every_row_of_a_table_has_as_many_cells_as_its_head(page: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", page, flags=re.M)
    assert len(tables) > 10
    for table in tables:
        assert len({len(cells(line)) for line in table.splitlines()}) == 1


def test_figures_of_a_row_are_those_of_the_comparison(compared: Tables, page: str) -> None:
    rows = compared[0].set_index("variant")
    name = "imdb_embedding_lstm"
    shown, row = table_with(page, "log loss").loc[name], rows.loc[name]
    for column, key in (
        ("accuracy", "accuracy"),
        ("last epoch", "last_accuracy"),
        ("mean of epochs", "curve_accuracy"),
        ("log loss", "loss"),
        ("on rotten_tomatoes", "on_rotten_tomatoes"),
    ):
        assert shown[column] == f"{row[key]:.4f}"
    assert shown["95 % interval"] == f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}"
    assert (shown["group"], shown["parameters"]) == (row["group"], "33,321")
    assert float(shown["best of set"]) == pytest.approx(row["p_best"], abs=0.0051)


def test_numbers_have_a_table_of_their_errors(compared: Tables, page: str) -> None:
    row = compared[0].set_index("variant").loc["product_gru"]
    shown = table_with(page, "MSE").loc["product_gru"]
    assert shown["MSE"] == f"{row['loss']:.2e}"
    assert shown["95 % interval of MSE"] == f"{row['loss_low']:.2e} to {row['loss_high']:.2e}"
    assert shown["within 0.04"] == f"{row['accuracy']:.4f}"
    assert shown["solved"] == "0 of 3"


def test_published_figures_stand_next_to_the_last_epoch(compared: Tables, page: str) -> None:
    rows = compared[0].set_index("variant")
    name = "imdb_embedding_lstm"
    shown = table_with(page, "published").loc[name]
    assert (shown["published"], shown["verdict"]) == ("0.8372", rows.loc[name, "verdict"])
    assert shown["ours, last epoch"] == f"{rows.loc[name, 'last_accuracy']:.4f}"
    losses = table_with(page.split("## Product")[1], "published loss").loc["product_gru"]
    assert losses["published loss"] == "1.30e-04"
    assert losses["published loss / ours"].startswith(
        f"{rows.loc['product_gru', 'published_loss_ratio']:.2f} ("
    )
    assert losses["verdict on the loss"] == rows.loc["product_gru", "loss_verdict"] != ""


def test_the_widest_replicates_are_a_pitfall(compared: Tables, page: str) -> None:
    own = compared[0][compared[0]["corpus"] == "imdb"].set_index("variant")
    widest = (own["accuracy_max"] - own["accuracy_min"]).idxmax()
    pitfall = page.split(f"the replicates of `{widest}`")[1]
    low, high = own.loc[widest, ["accuracy_min", "accuracy_max"]]
    assert f"{low:.4f} to {high:.4f}" in pitfall.splitlines()[1]


def test_every_question_has_its_answer_below_its_state(reviews: Tables) -> None:
    comparison, pairs, questions = reviews
    known, equal, open_ = (questions.head(1).assign(question=f"{n}?", answer=n) for n in "aeo")
    known["answer"], equal["answer"], open_["answer"] = "first", "equal", "open"
    mixed = pd.concat([open_, known, equal, known.assign(question="b?")])
    page = page_of((comparison, pairs, mixed)).split("## Protocol")[0]
    parts = re.findall(r"^### (.*)$|^- \*\*(.)\?\*\* (\S+)", page, flags=re.M)
    assert parts == [
        ("Known", "", ""),
        *(("", name, "Yes.") for name in "ab"),
        ("No difference that matters", "", ""),
        ("", "e", "No"),
        ("Not known, and what it would take", "", ""),
        ("", "o", "Open:"),
    ]


def test_a_question_that_cannot_be_tested_is_listed_apart() -> None:
    results = [invent("imdb_one", [0.8, 0.9]), invent("imdb_gone", [], diverged=2)]
    sets = evaluation_sets(results)
    asked = [Question(question="Is one better?", variants=["imdb_one", "imdb_gone"])]
    page = page_of((*compare_all(sets, {}, SETTINGS), ask(asked, sets, SETTINGS)), {})
    head = page.split("## Protocol")[0]
    assert lines_of(head, "### ") == ["### Not tested"]
    (line,) = lines_of(head, "- **Is")
    assert line.startswith("- **Is one better?** Not tested: `imdb_one` and `imdb_gone` have ")
    assert "nan" not in page


def test_every_task_names_its_champion_and_its_best_recurrent_network(
    compared: Tables, page: str
) -> None:
    found = champions(*compared[:2], PARAMS.comparison)
    assert list(found) == list(PARAMS.corpora)
    recurrent = compared[0][compared[0]["role"] == RECURRENT].groupby("corpus")["variant"].first()
    assert lines_of(page, "Champion: ") == [
        f"Champion: `{variant}`. Best recurrent network: `{recurrent[corpus]}`."
        for corpus, variant in found.items()
    ]


def test_a_task_without_a_recurrent_network_has_only_a_champion() -> None:
    page = page_about([invent("imdb_dense", [0.8, 0.9], role=OTHER)])
    assert lines_of(page, "Champion") == ["Champion: `imdb_dense`."]
    assert "\nChampion" not in page_about([invent("imdb_mean", [0.5, 0.5], role=BASELINE)])


def test_a_published_loss_has_a_verdict_that_its_printed_interval_does_not_contradict() -> None:
    result = invent("gru", [1e-3, 1.1e-3, 0.9e-3], target="number", protocol="new")
    figure = Published(accuracy=0.5, samples=500, loss=1e-3, source="Tutorial")
    sets = evaluation_sets([result])
    table, pairs = compare_all(sets, {"gru": figure}, SETTINGS)
    keys = [f"published_loss_ratio{end}" for end in ("", "_low", "_high")]
    for bounds, expected, shown in (
        ((1.1, 0.9, 1.2499), "equivalent", "1.1000 (0.9000 to 1.2499)"),
        ((1.1, 0.9, 1.2501), "inconclusive", "1.1000 (0.9000 to 1.2501)"),
    ):
        changed = table.assign(loss_verdict=expected)
        changed[keys] = bounds
        page = page_of((changed, pairs, ask([], sets, SETTINGS)), {"gru": figure})
        row = table_with(page, "published loss").loc["gru"]
        assert row["published loss / ours"] == shown
        assert row["verdict on the loss"] == expected


def test_a_page_without_questions_has_no_answers() -> None:
    page = page_about([invent("imdb_one", [0.8, 0.9]), invent("imdb_other", [0.8, 0.85])])
    assert "Answers" not in page
    assert "Do the answers" not in page
    assert "table of epochs" not in page


def test_the_answers_are_shown_for_three_epochs(reviews: Tables, page: str) -> None:
    question = "Does a GRU beat an LSTM on reviews?"
    shown = table_with(page, "chosen epoch").loc[question]
    row = reviews[2].set_index("question").loc[question]
    for column, kind in (("chosen epoch", ""), ("last epoch", "last_"), ("all epochs", "curve_")):
        assert shown[column].startswith(f"{row[f'{kind}effect']:.4f} (")
    # The difference of errors is no difference in accuracy.
    product = "- **Does a GRU beat an LSTM on the product of two distant numbers?**"
    assert lines_of(page, product)
    assert f"| {product[4:-2]}" not in page


def test_a_figure_that_is_not_comparable_has_its_reason(reviews: Tables) -> None:
    name = "imdb_embedding_lstm"
    figure = PARAMS.published[name].model_copy(update={"comparable": False, "note": "Other films."})
    page = page_of(reviews, PARAMS.published | {name: figure})
    assert any("Other films." in line for line in lines_of(page, f"- `{name}`"))


def test_no_bound_of_a_published_difference_is_rounded_to_the_margin(reviews: Tables) -> None:
    name, keys = "imdb_embedding_lstm", [f"published_difference{e}" for e in ("", "_low", "_high")]
    own = reviews[0]["variant"] == name
    for bounds, verdict in (
        ((0.01, -0.001, 0.01999), "equivalent"),
        ((0.01, 0.00001, 0.03), "different"),
    ):
        reviews[0].loc[own, keys] = bounds
        reviews[0].loc[own, "verdict"] = verdict
        shown = table_with(page_of(reviews), "published").loc[name, "published minus ours"]
        low, high = map(float, re.search(r"\((.*) to (.*)\)", shown).groups())
        assert verdict == ("equivalent" if high < 0.02 else "different")
        assert verdict == ("different" if low > 0 else "equivalent")


@pytest.mark.parametrize("target", ["binary", "number"])
@pytest.mark.parametrize("protocol", ["by_film", "new", "last", "same"])
@pytest.mark.parametrize("scores", [[0.8, 0.82, 0.85], [0.8], []])
def test_any_variant_makes_a_page(target: str, protocol: str, scores: list[float]) -> None:
    options = {"target": target, "protocol": protocol, "diverged": 1}
    other = invent("other_mean", [0.5], target=target, samples="other", role=BASELINE)
    page = page_about([invent("any_rnn", scores, **options), other])
    row = lines_of(page, "| any_rnn ")[0]
    assert f"{len(scores)}, 1 diverged" in row
    assert "nan" not in page
    assert (" to " in row) == (len(scores) > 1 and protocol != "same")


def test_predictions_of_training_samples_have_scores_and_nothing_else() -> None:
    results = [invent(n, [0.9, 0.8], protocol="same") for n in ("imdb_one", "imdb_other")]
    page = page_about(results)
    table = table_with(page, "accuracy")
    assert table["accuracy"].to_list() == ["0.8500"] * 2
    assert not {"95 % interval", "group", "best of set"} & set(table)
    assert "nothing follows for other samples" in page
    assert "significantly different." not in page.split("### Evaluated")[1]


def test_variants_with_other_samples_are_summarized_apart() -> None:
    results = [
        invent(f"imdb_{name}_{samples}", [mean, mean + step, mean + 2 * step], samples=samples)
        for samples in ("here", "there")
        for name, mean, step in (("one", 0.9, 0.01), ("two", 0.8, 0.02), ("three", 0.5, 0.03))
    ]
    page = page_about(results)
    for samples in ("here", "there"):
        (line,) = (line for line in lines_of(page, "Of all variants") if f"one_{samples}" in line)
        assert f"two_{samples}" in line or "every other" in line
    assert page.count("of 3 pairs are significantly different.") == 2


def test_a_single_sample_is_no_plural() -> None:
    many = invent("imdb_one", [0.8, 0.9])
    page = page_about([many])
    assert "and 500 evaluation samples in" in page
    assert lines_of(page, "### ") == ["### Film-disjoint splits: 500 evaluation samples in each"]
    scores = many.scores.model_copy(update={"evaluation_samples": 1})
    page = page_about([replace(many, scores=scores)])
    assert "and 1 evaluation sample in" in page
    assert lines_of(page, "### ") == ["### Film-disjoint splits: 1 evaluation sample in each"]


def test_all_misclassifications_are_listed_in_one_table(reported: Workspace) -> None:
    listed = (reported.metrics / "confident_misclassifications.csv").read_text().splitlines()
    expected = [
        line
        for name in PARAMS.variants
        for line in Path(reported.misclassifications(name)).read_text().splitlines()[1:]
    ]
    assert sorted(listed[1:]) == sorted(expected)


def test_what_to_use_is_the_champion_next_to_the_best_recurrent_network(
    compared: Tables, page: str
) -> None:
    comparison, pairs, _ = compared
    section = page.split("## What would you use today?")[1].split("\n![")[0]
    best = champions(comparison, pairs, PARAMS.comparison)
    lines = dict(zip(best, lines_of(section, "- **"), strict=False))
    rows = comparison.set_index("variant")
    for corpus, line in lines.items():
        champion = best[corpus]
        assert f"`{champion}`" in line
        assert f"{rows.loc[champion, 'parameters']:,} parameters" in line
        others = comparison[(comparison["corpus"] == corpus) & (comparison["role"] == RECURRENT)]
        assert f"`{others['variant'].iloc[0]}`" in line
    # What is learned by heart is no choice.
    assert "characters" not in section
