import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.report.pictures import draw_all, draw_costs, forest
from rnnbench.report.pictures.style import short
from tests.frozen import PARAMS

TABLES = ("comparison", "learning_curves", "calibration", "scatter", "confusion")


def tables_of(workspace: Workspace) -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(workspace.metrics / f"{name}.csv") for name in TABLES}


def test_each_task_has_its_pictures(reported: Workspace) -> None:
    drawn = {path.stem for path in (reported.metrics / "pictures").iterdir()}
    assert {"forest", "parameters", "calibration_imdb", "confusion_reuters"} <= drawn
    assert {"scatter_product", "scatter_arithmetic"} <= drawn
    assert {f"learning_curves_{corpus}" for corpus in PARAMS.corpora} <= drawn


def test_a_picture_needs_no_font_and_names_no_date(reported: Workspace) -> None:
    for path in (reported.metrics / "pictures").iterdir():
        root = ET.fromstring(path.read_bytes())
        assert root.tag.endswith("svg")
        assert not root.findall(".//{*}text")
        assert not root.findall(".//{*}date")


def test_a_forest_moves_with_its_figures(reported: Workspace, tmp_path: Path) -> None:
    table = tables_of(reported)["comparison"]
    drawn = set()
    # The layout of some runs in ten used to differ in the last digits.
    for _ in range(10):
        forest.draw(tmp_path / "forest.svg", table)
        drawn.add((tmp_path / "forest.svg").read_bytes())
    assert len(drawn) == 1
    table.loc[0, "published"] = 0.5
    forest.draw(tmp_path / "other.svg", table)
    assert (tmp_path / "other.svg").read_bytes() not in drawn


@pytest.mark.parametrize("corpus", PARAMS.corpora)
def test_one_task_alone_can_be_drawn(reported: Workspace, tmp_path: Path, corpus: str) -> None:
    tables = {name: table[table["corpus"] == corpus] for name, table in tables_of(reported).items()}
    draw_all(tmp_path, tables)
    assert (tmp_path / "forest.svg").is_file()


def test_variants_of_one_epoch_have_no_curve(reported: Workspace, tmp_path: Path) -> None:
    tables = tables_of(reported)
    tables = {name: t[t["variant"] == "imdb_majority"] for name, t in tables.items()}
    tables["learning_curves"] = tables["learning_curves"].head(1)
    draw_all(tmp_path, tables)
    drawn = sorted(path.stem for path in tmp_path.iterdir())
    assert drawn == ["calibration_imdb", "forest", "parameters"]


def test_costs_have_a_picture_even_if_there_is_nothing_to_show(
    reported: Workspace, tmp_path: Path
) -> None:
    costs = pd.read_csv(reported.metrics / "cost.csv")
    draw_costs(tmp_path / "cost.svg", costs)
    draw_costs(tmp_path / "none.svg", costs.assign(seconds_per_replicate=0.0))
    assert (tmp_path / "none.svg").stat().st_size < (tmp_path / "cost.svg").stat().st_size


def test_a_short_name_has_no_corpus() -> None:
    assert short("imdb_embedding_lstm") == "embedding lstm"
    assert short("stage_lock") == "stage_lock"
