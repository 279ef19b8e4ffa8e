"""The page in a real browser without network: as a file, at two widths, in light and dark."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.roles import RECURRENT
from rnnbench.report.publication.contents import Publication
from rnnbench.report.publication.merging import disagreements
from rnnbench.report.publication.page import render_page, write_report, write_site
from tests.frozen import PARAMS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SCREENS = [(390, "light"), (1600, "light"), (1600, "dark")]
NAME = "imdb_embedding_gru"


@pytest.fixture(scope="module")
def page_file(publication: Publication, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page([publication]))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[Callable[..., "Page"]]:
    """Opens a file without network; an error in a script fails the test."""
    contexts, errors = [], []

    def open_file(path: Path, width: int = 1600, scheme: str = "light", at: str = "") -> "Page":
        screen = {"width": width, "height": 900}
        context = browser.new_context(viewport=screen, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
        page.goto(f"file://{path}{at}")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert errors == []


def violations(page: "Page") -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_page_fits_the_screen_and_everybody_can_use_it(
    page_file: Path, open_page, width: int, scheme: str
) -> None:
    page = open_page(page_file, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    page.get_by_role("button", name=NAME, exact=True).click()
    assert page.locator("#drawer figure svg").count() >= 2
    assert violations(page) == []


def test_answers_come_first_and_every_chart_is_drawn(
    page_file: Path, publication: Publication, open_page
) -> None:
    page = open_page(page_file)
    titles = page.locator("h2").all_inner_texts()
    assert titles[0] == "Answers"
    asked = page.locator(".glance tbody th").all_inner_texts()
    assert {row["question"] for row in publication.questions} <= set(asked)
    assert (
        page.locator("figure[data-chart]").count()
        == page.locator("figure[data-chart] > svg").count()
        > 0
    )


def test_what_one_would_use_stands_beside_its_cost(
    page_file: Path, publication: Publication, open_page
) -> None:
    page = open_page(page_file)
    region = page.get_by_role("region", name="What would you use today?")
    rows = [row.split("\t") for row in region.locator("tbody tr").all_inner_texts()]
    tested = {one.key for one in publication.sets if one.tested}
    champions = [r for r in publication.comparison if r["champion"] and r["set"] in tested]
    assert champions
    for one in champions:
        (row,) = [row for row in rows if row[1] == f"{one['variant']} ★"]
        seconds = publication.details[one["variant"]].seconds
        score = f"MSE {one['loss']:.2e}" if one["target"] == "number" else f"{one['accuracy']:.4f}"
        assert row[2].startswith(score)
        assert row[3:] == [f"{one['parameters']:,}", f"{seconds:.1f}"]
    networks = [row for row in publication.comparison if row["role"] == RECURRENT]
    best = {row["corpus"]: row for row in reversed(networks)}
    recurrent = {row["variant"] for row in best.values() if row["set"] in tested}
    assert {row[1].removesuffix(" ★") for row in rows} == recurrent | {
        row["variant"] for row in champions
    }


def test_the_table_is_sorted_filtered_and_grouped(
    page_file: Path, publication: Publication, open_page
) -> None:
    page = open_page(page_file)
    names = page.locator("#variants tbody button.open")
    groups = page.locator("#variants tr.dtrg-group")
    assert names.count() == len(publication.comparison)
    assert groups.count() == len(publication.sets)
    page.get_by_label("Group by").select_option("nothing")
    assert groups.count() == 0
    page.locator("#variants thead th", has_text="parameters").press("Enter")
    sizes = {row["variant"]: row["parameters"] for row in publication.comparison}
    shown = [sizes[name] for name in names.all_inner_texts()]
    assert shown in (sorted(shown), sorted(shown, reverse=True))
    page.get_by_label("Group by").select_option("data")
    assert groups.count() == len(publication.sets)
    # Sorted within the groups, and what has no figure comes last either way.
    for _ in range(2):
        page.locator("#variants thead th", has_text="published").press("Enter")
        assert groups.count() == len(publication.sets)
    page.get_by_label("Filter").fill("reuters")
    wanted = {name for name in sizes if name.startswith("reuters")}
    assert set(names.all_inner_texts()) == wanted


def test_two_variants_are_compared_with_the_sentence_of_their_test(
    page_file: Path, publication: Publication, open_page
) -> None:
    page = open_page(page_file)
    pair = next(row for row in publication.pairs if row["set"] == publication.sets[0].key)
    page.locator("#first").select_option(pair["first"])
    page.locator("#second").select_option(pair["second"])
    assert page.locator("#pair").inner_text() == pair["text"].replace("`", "")
    # Seen from the other one, it is the same test.
    page.locator("#first").select_option(pair["second"])
    page.locator("#second").select_option(pair["first"])
    assert page.locator("#pair").inner_text() == pair["text"].replace("`", "")


def test_the_matrix_is_antisymmetric_and_has_the_answers_of_the_pairs(
    page_file: Path, publication: Publication, open_page
) -> None:
    page = open_page(page_file)
    rows = page.locator("#matrix tbody tr")
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    opposite = {"▲": "▼", "▼": "▲"}
    size = len(cells)
    assert all(
        cells[j][i] == opposite.get(cells[i][j], cells[i][j])
        for i in range(size)
        for j in range(size)
    )
    better = sum(
        row["different"] for row in publication.pairs if row["set"] == publication.sets[0].key
    )
    assert sum(row.count("▲") for row in cells) == better


def test_a_drawer_shows_by_what_part_its_curves_are(
    publication: Publication, altered, open_page, tmp_path: Path
) -> None:
    rows = [row | {"validation_samples": 0} for row in publication.comparison]
    pages = {"validation part": publication, "no validation part": altered(comparison=rows)}
    for text, part in pages.items():
        (tmp_path / "page.html").write_text(render_page([part]))
        page = open_page(tmp_path / "page.html", at=f"#variant={NAME}")
        assert text in page.locator("#drawer figcaption").first.inner_text()


def test_a_drawer_has_its_address_and_closes_with_escape(page_file: Path, open_page) -> None:
    page = open_page(page_file, at=f"#variant={NAME}")
    assert page.locator("#drawer h2").inner_text() == NAME
    assert f"rnnbench run {NAME}" in page.locator("#drawer").inner_text()
    assert "GRU" in page.locator("#drawer pre").last.inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("#drawer").is_visible()
    # The browser tells of a new address a moment later.
    page.wait_for_function("!location.hash.includes('variant=')")
    # The way back from a variant leads to the page, to where the reader was.
    page.get_by_role("button", name=NAME, exact=True).click()
    page.wait_for_function(f"location.hash === '#variant={NAME}'")
    page.go_back()
    page.locator("#drawer").wait_for(state="hidden")
    page.wait_for_function(f"document.activeElement.dataset.variant === '{NAME}'")


def test_it_prints_the_answers_and_all_rows(page_file: Path, open_page) -> None:
    page = open_page(page_file)
    page.emulate_media(media="print")
    assert page.get_by_role("heading", name="Answers").is_visible()
    assert page.locator("#variants tbody tr").last.is_visible()
    assert not page.locator("#variants_wrapper .dt-search").is_visible()


def test_without_scripts_the_answers_and_the_table_are_there(
    page_file: Path, publication: Publication, browser: "Browser"
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{page_file}")
    assert page.locator("#variants tbody tr").count() == len(publication.comparison)
    assert page.get_by_text(publication.questions[0]["question"]).first.is_visible()
    context.close()


def test_a_merged_page_shows_both_and_where_they_disagree(
    publication: Publication, altered, open_page, tmp_path: Path
) -> None:
    questions = [dict(row) for row in publication.questions]
    questions[0]["answer"] = "second" if questions[0]["answer"] == "first" else "first"
    other = altered(questions=questions, seed=1042)
    parts = [publication, other]
    write_site(tmp_path / "site", parts, disagreements(parts))
    page = open_page(tmp_path / "site" / "index.html", 390)
    assert page.locator("#variants tbody button.open").count() == 2 * len(publication.comparison)
    assert page.locator("h2").first.inner_text() == "Where they disagree"
    assert "1 other answers" in page.locator("#disagreements").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []


def test_texts_of_reviews_cannot_become_markup(
    publication: Publication, altered, open_page, tmp_path: Path
) -> None:
    evil = "</script><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"

    def change(name, details):
        error = {"sample": 1, "label": evil, "predicted": evil, "probability": 1.0, "text": evil}
        return details.model_copy(update={"errors": [error]}) if name == NAME else details

    questions = [row | {"question": evil, "text": evil} for row in publication.questions]
    part = altered(label=evil, change=change, questions=questions)
    (tmp_path / "page.html").write_text(render_page([part]))
    page = open_page(tmp_path / "page.html")
    page.get_by_role("button", name=NAME, exact=True).click()
    assert evil in page.locator("#drawer blockquote").inner_text()
    assert page.title() != "taken"
    assert page.locator("img[src=x]").count() == 0


def test_a_page_of_almost_nothing_has_no_empty_parts(
    publication: Publication, altered, open_page, tmp_path: Path
) -> None:
    rows = [
        row | {"replicates": 0, "accuracy": None, "accuracy_low": None, "published": None}
        for row in publication.comparison
        if row["variant"] == NAME
    ]
    part = altered(comparison=rows, pairs=[], questions=[], studies=[], sets=publication.sets[:1])
    (tmp_path / "page.html").write_text(render_page([part]))
    page = open_page(tmp_path / "page.html")
    titles = [title for title in page.locator("h2").all() if title.is_visible()]
    assert [title.inner_text() for title in titles] == [
        "Answers",
        "Scores",
        "Table",
        "How to read it",
    ]
    assert page.locator("figure:empty").count() == 0
    page.get_by_role("button", name=NAME, exact=True).click()
    assert page.locator("#drawer").is_visible()


def test_the_page_is_the_same_in_every_folder(reported: Workspace, tmp_path: Path) -> None:
    pages = []
    for name in ("one", "two"):
        shutil.copytree(reported.metrics, tmp_path / name / "metrics")
        pages.append(write_report(Workspace(tmp_path / name), PARAMS).read_bytes())
    assert pages[0] == pages[1]
    assert str(tmp_path).encode() not in pages[0]
    assert len(pages[0]) < 3e6


def test_every_copy_carries_the_licences_of_its_libraries(page_file: Path) -> None:
    scripts = re.findall(r"/\*\n(.*?)\*/", page_file.read_text(), re.DOTALL)
    assert sum("Permission" in text for text in scripts) == 5
