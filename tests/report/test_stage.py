import json
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Params
from rnnbench.report.article import write_article
from rnnbench.report.costs import write_costs
from rnnbench.report.stage import report
from tests.frozen import PARAMS

# One variant of each kind of target, and one baseline.
FEW = (
    "imdb_embedding_lstm",
    "imdb_majority",
    "reuters_lstm",
    "product_gru",
    "characters_simple_rnn",
)
SMALL = replace(PARAMS, variants={name: PARAMS.variants[name] for name in FEW})
TEXTS = [name for name in PARAMS.variants if name.startswith(("imdb", "reuters"))]


@pytest.fixture
def scored(evaluated: Workspace, tmp_path: Path) -> Workspace:
    return _copy(evaluated, tmp_path)


@pytest.fixture
def copied(reported: Workspace, tmp_path: Path) -> Workspace:
    return _copy(reported, tmp_path)


def _copy(workspace: Workspace, folder: Path) -> Workspace:
    shutil.copytree(workspace.root, folder / "workspace")
    return Workspace(folder / "workspace")


def written(workspace: Workspace) -> dict[str, bytes]:
    files = (path for path in workspace.metrics.rglob("*") if path.is_file())
    return {str(path.relative_to(workspace.metrics)): path.read_bytes() for path in files}


def test_every_variant_has_its_row_in_every_table(reported: Workspace) -> None:
    for file in ("comparison", "cost", "learning_curves"):
        table = pd.read_csv(reported.metrics / f"{file}.csv")
        assert sorted(table["variant"].unique()) == sorted(PARAMS.variants)
    errors = pd.read_csv(reported.metrics / "confident_misclassifications.csv")
    assert sorted(errors["variant"].unique()) == sorted(TEXTS)


def test_the_same_predictions_give_the_same_bytes_whatever_an_earlier_run_left(
    scored: Workspace,
) -> None:
    def run() -> dict[str, bytes]:
        for stage in (report, write_costs, write_article):
            stage(scored, SMALL)
        return written(scored)

    first = run()
    scored.scores("removed").write_text("not even JSON")
    (scored.metrics / "pictures" / "scatter_removed.svg").write_text("old")
    again = run()
    assert again.pop("scores/removed.json") == b"not even JSON"
    assert again == first


@pytest.mark.parametrize("name", FEW)
def test_a_single_variant_is_reported(scored: Workspace, name: str) -> None:
    alone = replace(PARAMS, variants={name: PARAMS.variants[name]})
    assert report(scored, alone)["variant"].to_list() == [name]
    write_article(scored, alone)
    page = (scored.metrics / "comparison.md").read_text()
    assert f"| {name} " in page
    # All questions are about it and other variants, or about others alone.
    answers = page.split("## What would you use today?")[0].split("## Protocol")[0]
    assert re.findall("^### .*", answers, flags=re.M) == ["### Not tested"]
    assert answers.count("\n- **") == len(PARAMS.questions)


def test_a_question_is_answered_by_its_variants_alone(
    reported: Workspace, scored: Workspace
) -> None:
    # Its variants are compared on the samples that they have in common, whatever else is there.
    (question,) = (q for q in PARAMS.questions if q.variants[0] == "product_gru")
    names = [*question.variants, "imdb_majority"]
    variants = {name: PARAMS.variants[name] for name in names}
    report(scored, replace(PARAMS, variants=variants, questions=[question]))
    keys = ["effect", "p", "last_effect", "last_low", "curve_high"]
    alone, among_all = (
        pd.read_csv(workspace.metrics / "questions.csv").set_index("first").loc["product_gru", keys]
        for workspace in (scored, reported)
    )
    pd.testing.assert_series_equal(alone, among_all)


def test_costs_change_no_other_file(reported: Workspace, copied: Workspace) -> None:
    for name in PARAMS.variants:
        path = copied.cost(name)
        path.write_text(path.read_text().replace("12.5", "99.5").replace("4.2", "33.2"))
    for stage in (write_costs, write_article):
        stage(copied, PARAMS)
    before = written(reported)
    changed = {name for name, content in written(copied).items() if content != before[name]}
    assert changed == {"cost.csv", "cost.md", "cost.svg"}
    minutes = f"{99.5 * len(PARAMS.variants) / 60:.0f} minutes"
    assert minutes in (copied.metrics / "cost.md").read_text()


def test_costs_name_each_machine_and_what_it_trained(copied: Workspace) -> None:
    first, *others = PARAMS.variants
    path = copied.cost(first)
    cost = json.loads(path.read_text())
    cost["machine"]["cpu"] = "another CPU"
    path.write_text(json.dumps(cost))
    write_costs(copied, PARAMS)
    machines = json.loads((copied.metrics / "cost.json").read_text())["machines"]
    assert [machine["variants"] for machine in machines] == [[first], others]
    assert machines[0]["machine"] == cost["machine"]
    page = (copied.metrics / "cost.md").read_text()
    assert "another CPU" in page
    assert machines[1]["machine"]["cpu"] in page


def test_pages_show_existing_pictures(reported: Workspace) -> None:
    for page in ("comparison.md", "cost.md"):
        shown = re.findall(r"!\[.+?\]\((.+?)\)", (reported.metrics / page).read_text())
        assert shown
        for picture in shown:
            assert (reported.metrics / picture).is_file()


def _edit_settings(workspace: Workspace, name: str) -> None:
    path = workspace.training_record(name)
    record = json.loads(path.read_text())
    record["settings"]["epochs"] = 987
    path.write_text(json.dumps(record))


GONE = "imdb_embedding_lstm"
WAYS = {
    "not trained": lambda workspace: shutil.rmtree(workspace.predictions(GONE)),
    "trained with other settings": lambda workspace: _edit_settings(workspace, GONE),
    "not evaluated": lambda workspace: workspace.scores(GONE).unlink(),
    "its dataset imdb_index_1000 is not prepared": lambda workspace: shutil.rmtree(
        workspace.prepared("imdb_index_1000")
    ),
}


@pytest.mark.parametrize("why", WAYS)
def test_a_variant_that_is_not_there_is_named_and_left_out(scored: Workspace, why: str) -> None:
    WAYS[why](scored)
    printed: list[str] = []
    for stage in (partial(report, warn=printed.append), write_costs, write_article):
        stage(scored, SMALL)
    assert printed == [f"{GONE} is not in the table: {why}; run dvc repro evaluate@{GONE}"]
    others = [name for name in FEW if name != GONE]
    for file in ("comparison", "cost", "learning_curves"):
        table = pd.read_csv(scored.metrics / f"{file}.csv")
        assert sorted(table["variant"].unique()) == sorted(others)
    page = (scored.metrics / "comparison.md").read_text()
    assert "**Not in these tables**" in page
    assert f"`rnnbench run {GONE}`" in page
    assert f"| {GONE} " not in page


def test_the_tables_are_those_of_a_file_without_the_missing_variants(
    evaluated: Workspace, scored: Workspace
) -> None:
    shutil.rmtree(scored.predictions(GONE))
    without = replace(SMALL, variants={n: v for n, v in SMALL.variants.items() if n != GONE})

    def run(params: Params) -> dict[str, bytes]:
        for stage in (partial(report, warn=lambda _: None), write_costs, write_article):
            stage(scored, params)
        return written(scored)

    partly, complete = run(SMALL), run(without)
    assert partly.pop("comparison.md") != complete.pop("comparison.md")
    assert partly == complete


def test_without_any_variant_the_command_is_named(scored: Workspace) -> None:
    for name in FEW:
        scored.training_record(name).unlink()
    for stage in (partial(report, warn=lambda _: None), write_costs):
        with pytest.raises(DataError, match="run dvc repro, or rnnbench run"):
            stage(scored, SMALL)


@pytest.mark.parametrize("file", ["training_record", "scores", "replicates", "history"])
def test_a_damaged_file_makes_no_variant_missing(scored: Workspace, file: str) -> None:
    path = getattr(scored, file)(GONE)
    path.write_text("damaged")
    with pytest.raises(DataError, match=re.escape(path.name)):
        report(scored, SMALL)


@pytest.mark.parametrize(
    "file",
    [
        "metrics/pairs.csv",
        "metrics/questions.csv",
        "data/misclassifications/imdb_embedding_gru.csv",
    ],
)
def test_a_table_that_the_article_lacks_is_reported(copied: Workspace, file: str) -> None:
    (copied.root / file).unlink()
    with pytest.raises(DataError, match=re.escape(file)):
        write_article(copied, PARAMS)
