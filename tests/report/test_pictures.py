import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.report.outputs import read_table
from rnnbench.report.pictures import draw_all, draw_costs, tasks
from rnnbench.report.pictures.style import short
from tests.frozen import PARAMS

TABLES = ("comparison", "learning_curves", "calibration", "scatter", "confusion")


@pytest.fixture(scope="module")
def tables(reported: Workspace) -> dict[str, pd.DataFrame]:
    return {name: read_table(reported.metrics, name) for name in TABLES}


def test_each_task_has_its_pictures(reported: Workspace) -> None:
    drawn = {path.stem for path in (reported.metrics / "pictures").iterdir()}
    assert {"forest", "parameters", "calibration_imdb", "confusion_reuters"} <= drawn
    assert {"scatter_product", "scatter_arithmetic"} <= drawn
    assert {f"learning_curves_{corpus}" for corpus in PARAMS.corpora} <= drawn


def test_a_picture_needs_no_font_and_has_no_date(reported: Workspace) -> None:
    for path in (reported.metrics / "pictures").iterdir():
        root = ET.fromstring(path.read_bytes())
        assert root.tag.endswith("svg")
        assert not root.findall(".//{*}text")
        assert not root.findall(".//{*}date")


def test_a_forest_changes_with_its_figures_only(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    comparison = tables["comparison"]
    table = comparison[comparison["corpus"] == "product"]
    drawn = set()
    # Without a fixed layout, some pictures in ten differed in the last digits.
    for _ in range(5):
        tasks.forest(tmp_path / "forest.svg", table, {})
        drawn.add((tmp_path / "forest.svg").read_bytes())
    assert len(drawn) == 1
    tasks.forest(tmp_path / "other.svg", table.assign(published_loss=0.5), {})
    assert (tmp_path / "other.svg").read_bytes() not in drawn


def test_a_single_variant_of_one_epoch_has_no_curve_and_no_confusions(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    chosen = {name: t[t["variant"] == "imdb_majority"] for name, t in tables.items()}
    chosen["learning_curves"] = chosen["learning_curves"].head(1)
    draw_all(tmp_path, chosen, {})
    drawn = sorted(path.stem for path in tmp_path.iterdir())
    assert drawn == ["calibration_imdb", "forest", "parameters"]


def test_a_forest_has_a_panel_for_each_evaluation_set(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    table = tables["comparison"]
    table = table[table["corpus"] == "imdb"]

    def panels(rows: pd.DataFrame) -> int:
        tasks.forest(tmp_path / "forest.svg", rows, {})
        shapes = ET.fromstring((tmp_path / "forest.svg").read_bytes()).findall(".//{*}g")
        return sum(shape.get("id", "").startswith("axes_") for shape in shapes)

    assert table["evaluation_set"].nunique() == 2
    assert panels(table) == 2
    assert panels(table.assign(evaluation_set=1)) == 1


def test_costs_without_positive_seconds_still_have_a_picture(
    reported: Workspace, tmp_path: Path
) -> None:
    costs = read_table(reported.metrics, "cost")
    draw_costs(tmp_path / "none.svg", costs.assign(seconds_per_replicate=0.0))
    shown = (reported.metrics / "cost.svg").stat().st_size
    assert 0 < (tmp_path / "none.svg").stat().st_size < shown


def test_numbers_are_drawn_by_their_squared_error(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    comparison = tables["comparison"]
    numbers = comparison[comparison["corpus"] == "product"]
    for draw in (_forest, _parameters):
        shown = draw(tmp_path, numbers)
        assert "product: mean squared error" in shown
        assert draw(tmp_path, numbers.assign(accuracy=0.5)) == shown
        assert draw(tmp_path, numbers.assign(loss=0.5)) != shown
        assert "reuters: accuracy" in draw(tmp_path, comparison)


def test_a_forest_shows_every_replicate(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    comparison = tables["comparison"]
    table = comparison[comparison["variant"] == "imdb_embedding_lstm"]
    runs = pd.DataFrame({"accuracy": [0.5, 0.6, 0.9], "loss": 0.1})

    def faint(replicates: Mapping[str, pd.DataFrame]) -> int:
        return _forest(tmp_path, table, replicates).count("fill-opacity: 0.5")

    assert faint({"imdb_embedding_lstm": runs}) == faint({"imdb_majority": runs}) + len(runs)


def test_a_forest_says_what_has_been_memorised(
    tables: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    table = tables["comparison"]
    assert "memorised" in _forest(tmp_path, table[table["protocol"] == "same"])
    assert "memorised" not in _forest(tmp_path, table[table["protocol"] != "same"])


def test_costs_of_numbers_are_drawn_by_their_squared_error(
    reported: Workspace, tmp_path: Path
) -> None:
    costs = read_table(reported.metrics, "cost")
    draw_costs(tmp_path / "costs.svg", costs.assign(target="number", loss=0.1))
    assert "mean squared error" in (tmp_path / "costs.svg").read_text()


def _forest(
    folder: Path, table: pd.DataFrame, replicates: Mapping[str, pd.DataFrame] | None = None
) -> str:
    """The picture, whose comments have the texts that are drawn."""
    tasks.forest(folder / "forest.svg", table, replicates or {})
    return (folder / "forest.svg").read_text()


def _parameters(folder: Path, table: pd.DataFrame) -> str:
    tasks.trade_offs(folder / "parameters.svg", table, "parameters", "parameters")
    return (folder / "parameters.svg").read_text()


def test_a_short_name_has_no_corpus() -> None:
    assert short("imdb_embedding_lstm", "imdb") == "embedding lstm"
    assert short("my_own", "imdb") == "my own"
