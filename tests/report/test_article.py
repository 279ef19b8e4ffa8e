from dataclasses import replace

import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Samples
from rnnbench.params import Published
from rnnbench.report.article import article, cost_page
from rnnbench.report.comparison import compare_all
from rnnbench.report.results import Result
from rnnbench.report.statistics import bootstrap
from rnnbench.report.tables import costs
from tests.frozen import PARAMS


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 500)


def page_of(results: list[Result], published: dict[str, Published] = PARAMS.published) -> str:
    return article(*compare_all(results, published), results, published, set())


def lines_of(page: str, begin: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith(begin)]


def test_every_task_has_its_part_and_every_variant_its_row(reported: Workspace) -> None:
    page = (reported.metrics / "comparison.md").read_text()
    for name in PARAMS.variants:
        assert len(lines_of(page, f"| {name} ")) == 2
    row = lines_of(page, "| imdb_embedding_lstm")[0]
    assert "33,321" in row
    assert "0.8372" in row
    assert ["on rotten_tomatoes" in head for head in lines_of(page, "| variant")] == [
        True, *[False] * 9
    ]  # fmt: skip


def test_numbers_have_a_table_of_their_own_with_the_published_error(reported: Workspace) -> None:
    page = (reported.metrics / "comparison.md").read_text()
    head = next(line for line in lines_of(page, "| variant") if "MSE" in line)
    assert "within 0.04" in head
    row = lines_of(page, "| product_gru")[0]
    assert "0 of 3" in row
    assert "1.30e-04" in row


def test_figures_in_the_text_are_those_of_the_table(compared, reported: Workspace) -> None:
    table, pairs = compared
    page = (reported.metrics / "comparison.md").read_text()
    majority = table.set_index("variant").loc["reuters_majority", "accuracy"]
    assert f"{majority:.4f}" in page.split("The majority class")[1]
    gap = pairs.set_index(["first", "second"])["difference"].abs()
    names = ("imdb_embedding_gru", "imdb_embedding_lstm")
    key = names if names in gap.index else names[::-1]
    answer = lines_of(page, "- **Does a GRU beat an LSTM on reviews?**")[0]
    assert f"differs by {gap[key]:.4f}" in answer


def test_the_reason_stands_beside_a_figure_that_is_not_comparable(
    invented_results: list[Result],
) -> None:
    name = "imdb_embedding_lstm"
    figure = PARAMS.published[name].model_copy(update={"comparable": False, "note": "Other films."})
    own = [r for r in invented_results if r.meta.corpus == "imdb"]
    page = page_of(own, PARAMS.published | {name: figure})
    assert any("Other films." in line for line in lines_of(page, f"- `{name}`"))


@pytest.mark.parametrize("name", sorted(PARAMS.variants))
def test_any_variant_alone_makes_a_page(invented_results: list[Result], name: str) -> None:
    page = page_of([result for result in invented_results if result.name == name])
    assert len(lines_of(page, f"| {name} ")) == 2


def test_a_question_about_a_changed_network_is_not_asked(invented_results: list[Result]) -> None:
    question = "- **Does a second layer help on reviews?**"
    own = [r for r in invented_results if r.meta.corpus == "imdb"]
    assert lines_of(page_of(own), question)
    changed = [
        replace(r, architecture=r.architecture | {"recurrent_layers": 1})
        if r.name == "imdb_embedding_stacked_lstm"
        else r
        for r in own
    ]
    assert not lines_of(page_of(changed), question)


def test_other_samples_are_not_compared(invented_results: list[Result]) -> None:
    """Half of the variants are scored on fewer samples than the others."""

    def fewer(result: Result) -> Result:
        judged = result.judged
        samples = Samples(judged.x, judged.y[:300], judged.id[:300])
        own, scores = (
            result.prediction[:, :300],
            result.scores.model_copy(update={"evaluation_samples": 300}),
        )
        return replace(result, judged=samples, prediction=own, out_of_domain=None, scores=scores)

    own = [r for r in invented_results if r.meta.corpus == "imdb"]
    page = page_of([fewer(r) if place % 2 else r for place, r in enumerate(own)])
    assert lines_of(page, "Of all variants on the same 300 samples")
    assert lines_of(page, "Of all variants on the same 400 samples")
    assert page.count("of 15 pairs") == 2


def test_costs_add_up(invented_results: list[Result]) -> None:
    page = cost_page(costs(invented_results))
    assert f"{12.5 * len(PARAMS.variants) / 60:.0f} minutes" in page
