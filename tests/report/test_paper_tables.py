import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from rnnbench.core.workspace import Workspace
from rnnbench.report.paper_tables import write_paper_tables
from rnnbench.report.statistics.verdicts import (
    DIFFERENT,
    EQUIVALENT,
    INCONCLUSIVE,
    NOT_COMPARABLE,
    NOT_TESTED,
)
from tests.frozen import PARAMS
from tests.report.studies.invented import params_of, write

Compared = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture(scope="module")
def folder(compared: Compared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("paper"), compared)


def written(root: Path, compared: Compared) -> Path:
    comparison, _, questions = compared
    workspace = Workspace(root)
    write_paper_tables(workspace, comparison, questions, PARAMS)
    return workspace.metrics / "tables"


def body(tex: str) -> list[str]:
    """The rows between the rules, without the header."""
    return tex.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()


def caption(tex: str) -> str:
    (found,) = re.findall(r"\\caption\[.*?\]\{(.*)\}\n", tex)
    return str(found)


def test_every_evaluation_set_has_its_table_of_scores(folder: Path, compared: Compared) -> None:
    comparison = compared[0]
    sets = comparison.groupby(["corpus", "evaluation_set"])
    found = [pd.read_csv(path) for path in folder.glob("scores_*.csv")]
    assert len(found) == len(sets)
    assert {frozenset(table["variant"]) for table in found} == {
        frozenset(rows["variant"]) for _, rows in sets
    }


def test_both_files_have_the_same_rows_and_the_csv_has_numbers(folder: Path) -> None:
    stems = {path.stem for path in folder.iterdir()}
    assert {"scores_imdb_by_film", "published_product", "questions"} <= stems
    for stem in stems:
        table = pd.read_csv(folder / f"{stem}.csv")
        assert len(body((folder / f"{stem}.tex").read_text())) == len(table)
        figures = table.filter(["accuracy", "accuracy_low", "loss", "effect", "low", "published"])
        assert len(figures.columns)
        assert set(figures.dtypes) == {pd.Series([0.5]).dtype}


def test_captions_say_what_the_figures_rest_on(folder: Path, compared: Compared) -> None:
    rows = compared[0].query("corpus == 'imdb' and protocol == 'by_film'")
    text = caption((folder / "scores_imdb_by_film.tex").read_text())
    first = rows.iloc[0]
    samples = f"{first['evaluation_samples']:,} evaluation samples in each of {first['splits']}"
    assert samples in text
    assert f"{rows['replicates'].max()} replicates" in text
    assert "Nadeau and Bengio" in text
    assert f"margin, chosen beforehand, is {PARAMS.comparison.margin:g}" in text
    assert "splits share no samples" in caption((folder / "scores_product_new.tex").read_text())


def test_numbers_are_shown_by_their_squared_error(folder: Path) -> None:
    assert "MSE" in (folder / "scores_product_new.tex").read_text()
    assert {"loss", "loss_low", "group"} <= set(pd.read_csv(folder / "scores_product_new.csv"))


def test_what_has_been_memorised_does_not_look_like_statistics(folder: Path) -> None:
    table = pd.read_csv(folder / "scores_characters_same.csv")
    assert list(table) == ["corpus", "variant", "accuracy", "parameters", "replicates"]
    text = caption((folder / "scores_characters_same.tex").read_text())
    assert "has been learned" in text
    assert "significant" not in text


def test_published_figures_have_the_verdicts_of_the_comparison(
    folder: Path, compared: Compared
) -> None:
    table = pd.read_csv(folder / "published_product.csv").set_index(["variant", "measure"])
    comparison = compared[0].set_index("variant")
    for variant, measure in table.index:
        key = "verdict" if measure == "accuracy" else "loss_verdict"
        assert table.loc[(variant, measure), "verdict"] == comparison.loc[variant, key]
    assert set(table.index.get_level_values("measure")) == {"accuracy", "loss"}


def test_the_interval_of_a_published_figure_is_that_of_one_more_run(
    folder: Path, reported: Workspace
) -> None:
    table = pd.read_csv(folder / "published_imdb.csv").dropna(subset="effect")
    assert len(table)
    for row in table.query("measure == 'accuracy'").to_dict("records"):
        ours = pd.read_csv(reported.replicates(row["variant"]))
        count, variance = ours["split"].nunique(), ours["last_accuracy"].var()
        half = stats.t.isf(0.025, count - 1) * (variance * (1 + 1 / count)) ** 0.5
        assert row["high"] - row["effect"] == pytest.approx(half, rel=1e-4)
    text = caption((folder / "published_imdb.tex").read_text())
    assert "95 \\% prediction interval of one more run" in text
    assert "Nadeau" not in text


@pytest.mark.parametrize(
    "verdict", [EQUIVALENT, DIFFERENT, INCONCLUSIVE, NOT_COMPARABLE, NOT_TESTED]
)
def test_captions_define_the_verdicts_of_their_table(
    compared: Compared, tmp_path: Path, verdict: str
) -> None:
    comparison, pairs, questions = compared
    same = comparison.assign(verdict=verdict, loss_verdict=verdict)
    folder = written(tmp_path, (same, pairs, questions))
    text = caption((folder / "published_product.tex").read_text())
    assert f"{verdict.capitalize()}: " in text
    for other in {NOT_COMPARABLE, NOT_TESTED} - {verdict}:
        assert f"{other.capitalize()}: " not in text


def test_special_characters_are_escaped(compared: Compared, tmp_path: Path) -> None:
    comparison, pairs, questions = compared
    asked = questions.assign(question="Is 50 % of a_b & {c} #1, or $2?")
    tex = (written(tmp_path, (comparison, pairs, asked)) / "questions.tex").read_text()
    assert r"Is 50 \% of a\_b \& \{c\} \#1, or \$2?" in tex
    assert re.findall(r"(?<!\\)[%#$]", tex) == []


def test_a_tiny_p_needs_no_sign_that_the_default_font_lacks(
    compared: Compared, tmp_path: Path
) -> None:
    comparison, pairs, questions = compared
    tiny = questions.assign(p_adjusted=0.00004)
    tex = (written(tmp_path, (comparison, pairs, tiny)) / "questions.tex").read_text()
    assert "4e-05" in tex
    assert "<" not in tex


def test_old_tables_go_away(compared: Compared, tmp_path: Path) -> None:
    folder = written(tmp_path, compared)
    (folder / "scores_removed.tex").write_text("old")
    assert "scores_removed" not in {path.stem for path in written(tmp_path, compared).iterdir()}


def test_a_study_has_the_setting_that_was_chosen_for_each_level(
    compared: Compared, tmp_path: Path
) -> None:
    axes: dict[str, list[Any]] = {"cell": ["LSTM", "GRU"], "learning_rate": [0.1, 0.01]}
    best = {"LSTM": 0.1, "GRU": 0.01}
    workspace = write(
        tmp_path,
        axes,
        lambda at, run: 0.6 + 0.2 * (at["learning_rate"] == best[at["cell"]]) + 0.001 * run,
    )
    comparison, _, questions = compared
    params = params_of(axes)
    write_paper_tables(workspace, comparison, questions, params)
    table = pd.read_csv(workspace.metrics / "tables" / "study_s.csv")
    assert dict(zip(table["level"], table["learning_rate"], strict=True)) == best
    tex = caption((workspace.metrics / "tables" / "study_s.tex").read_text())
    assert tex.startswith("Which is best? Accuracy on 50 evaluation samples in each of 4 splits")
    assert "learning rate that is best on the validation part" in tex
    # With other axes in params.yaml, what has been run answers another question.
    other = replace(params, studies=params_of({"cell": ["LSTM", "A"]}).studies)
    write_paper_tables(workspace, comparison, questions, other)
    assert not (workspace.metrics / "tables" / "study_s.csv").exists()


def test_latex_compiles_every_table(folder: Path, tmp_path: Path) -> None:
    if (
        shutil.which("kpsewhich") is None
        or subprocess.run(["kpsewhich", "booktabs.sty"]).returncode
    ):
        pytest.skip("no LaTeX with booktabs on this machine")
    inputs = "".join(rf"\input{{{path}}}\clearpage" for path in sorted(folder.glob("*.tex")))
    text = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{inputs}"
    (tmp_path / "all.tex").write_text(rf"{text}\end{{document}}")
    options = ("-interaction=nonstopmode", "-halt-on-error")
    done = subprocess.run(["pdflatex", *options, "all.tex"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
