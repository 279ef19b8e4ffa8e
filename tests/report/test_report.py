import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnbench.errors import DataError
from rnnbench.evaluate import evaluate
from rnnbench.params import load_params
from rnnbench.report import report, verdict
from rnnbench.workspace import Workspace

PARAMS = load_params()


@pytest.fixture(scope="module")
def evaluated(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "workspace"
    shutil.copytree(invented, folder)
    for name in PARAMS.variants:
        evaluate(Workspace(folder), PARAMS, name)
    return folder


@pytest.fixture
def scored(evaluated: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(evaluated, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def test_every_variant_has_its_row_in_every_table(scored: Workspace) -> None:
    report(scored, PARAMS)
    for file in ("comparison", "cost", "learning_curves"):
        table = pd.read_csv(scored.metrics / f"{file}.csv")
        assert sorted(table["variant"].unique()) == sorted(PARAMS.variants)
    page = (scored.metrics / "comparison.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| imdb_embedding_lstm"))
    assert "33,321" in row
    assert "0.8372" in row
    assert page.count("\n## ") == len(PARAMS.corpora)


def test_the_best_variant_of_a_corpus_comes_first(scored: Workspace) -> None:
    table = report(scored, PARAMS)
    assert list(table["corpus"].unique()) == list(PARAMS.corpora)
    for _, rows in table.groupby("corpus"):
        by = "loss" if (rows["target"] == "number").all() else "accuracy"
        assert (
            rows[by].is_monotonic_increasing if by == "loss" else rows[by].is_monotonic_decreasing
        )


def test_numbers_have_a_table_of_their_own_with_the_published_error(scored: Workspace) -> None:
    report(scored, PARAMS)
    page = (scored.metrics / "comparison.md").read_text()
    head = next(line for line in page.splitlines() if "MSE" in line and line.startswith("|"))
    assert "within 0.04" in head
    row = next(line for line in page.splitlines() if line.startswith("| product_gru"))
    assert "0 of 3" in row
    assert "1.30e-04" in row
    scatter = pd.read_csv(scored.metrics / "scatter.csv")
    assert set(scatter["corpus"]) == {"product", "arithmetic"}
    gru = scatter[scatter["variant"] == "product_gru"]
    y = np.load(scored.prepared("product") / "evaluation_y.npy")
    assert gru["target"].to_numpy() == pytest.approx(y, abs=1e-4)


def test_a_figure_that_is_not_comparable_gets_its_reason_and_no_verdict(scored: Workspace) -> None:
    name = "imdb_embedding_lstm"
    changes = {"comparable": False, "note": "Other films."}
    figure = PARAMS.published[name].model_copy(update=changes)
    params = replace(PARAMS, published=PARAMS.published | {name: figure})
    table = report(scored, params).set_index("variant")
    assert table.loc[name, "verdict"] == "not comparable"
    page = (scored.metrics / "comparison.md").read_text()
    assert any(
        line.startswith(f"- `{name}`") and "Other films." in line for line in page.splitlines()
    )


def test_the_column_of_the_further_set_has_its_name(scored: Workspace) -> None:
    report(scored, PARAMS)
    heads = [
        line
        for line in (scored.metrics / "comparison.md").read_text().splitlines()
        if line.startswith("| variant")
    ]
    assert ["on rotten_tomatoes" in head for head in heads] == [True, False, False, False, False]


def test_files_of_removed_variants_are_not_read(scored: Workspace) -> None:
    scored.scores("removed").write_text("not even JSON")
    report(scored, PARAMS)
    assert "removed" not in (scored.metrics / "comparison.csv").read_text()


def test_the_comparison_holds_no_wall_clock_figure(scored: Workspace) -> None:
    report(scored, PARAMS)
    first = (scored.metrics / "comparison.csv").read_bytes()
    for name in PARAMS.variants:
        cost = scored.cost(name)
        cost.write_text(cost.read_text().replace("12.5", "99.5"))
    report(scored, PARAMS)
    assert (scored.metrics / "comparison.csv").read_bytes() == first
    assert "99.5" in (scored.metrics / "cost.csv").read_text()


def test_curves_are_means_over_replicates(scored: Workspace) -> None:
    report(scored, PARAMS)
    curves = pd.read_csv(scored.metrics / "learning_curves.csv")
    lstm = curves[curves["variant"] == "imdb_embedding_lstm"]
    history = pd.read_csv(scored.history("imdb_embedding_lstm"))
    for epoch in (1, 2):
        expected = history.loc[history["epoch"] == epoch, "val_accuracy"].mean()
        got = lstm.loc[lstm["epoch"] == epoch, "val_accuracy"].item()
        assert got == pytest.approx(expected, abs=1e-6)


def test_a_missing_score_is_told(scored: Workspace) -> None:
    scored.scores("imdb_embedding_gru").unlink()
    with pytest.raises(DataError, match=r"imdb_embedding_gru\.json"):
        report(scored, PARAMS)


@pytest.mark.parametrize(
    ("accuracy", "published", "expected"),
    [(0.80, 0.81, "reproduced"), (0.80, 0.90, "below"), (0.95, 0.90, "above")],
)
def test_a_verdict_follows_from_both_intervals(accuracy, published, expected: str) -> None:
    assert verdict(accuracy, accuracy - 0.01, accuracy + 0.01, published, 5000) == expected


def test_few_published_answers_forgive_more() -> None:
    assert verdict(0.80, 0.79, 0.81, 0.84, 5000) == "below"
    assert verdict(0.80, 0.79, 0.81, 0.84, 100) == "reproduced"


def test_pairs_are_those_of_one_task_and_letters_follow_from_them(scored: Workspace) -> None:
    table = report(scored, PARAMS).set_index("variant")
    pairs = pd.read_csv(scored.metrics / "pairs.csv")
    corpora = {name: PARAMS.dataset(v.dataset).corpus for name, v in PARAMS.variants.items()}
    assert (pairs["first"].map(corpora) == pairs["second"].map(corpora)).all()
    assert (pairs["measure"] == "loss").sum() == 6 + 1
    for row in pairs.itertuples():
        shared = set(table.loc[row.first, "group"]) & set(table.loc[row.second, "group"])
        assert bool(shared) != row.different
