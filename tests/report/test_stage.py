import re

import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.report.stage import report
from rnnbench.report.statistics import bootstrap
from tests.frozen import PARAMS

TEXTS = [name for name in PARAMS.variants if name.startswith(("imdb", "reuters"))]


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch) -> None:
    monkeypatch.setattr(bootstrap, "DRAWS", 500)


def written(workspace: Workspace) -> dict[str, bytes]:
    return {
        str(path.relative_to(workspace.metrics)): path.read_bytes()
        for path in workspace.metrics.rglob("*")
        if path.is_file()
    }


def test_every_variant_has_its_row_in_every_table(reported: Workspace) -> None:
    for file in ("comparison", "cost", "learning_curves"):
        table = pd.read_csv(reported.metrics / f"{file}.csv")
        assert sorted(table["variant"].unique()) == sorted(PARAMS.variants)
    mistakes = pd.read_csv(reported.metrics / "confident_misclassifications.csv")
    assert sorted(mistakes["variant"].unique()) == sorted(TEXTS)


def test_the_same_predictions_give_the_same_bytes(scored: Workspace) -> None:
    report(scored, PARAMS)
    first = written(scored)
    report(scored, PARAMS)
    assert written(scored) == first
    assert any(name.endswith(".svg") for name in first)


def test_wall_clock_figures_stay_in_the_files_of_the_costs(scored: Workspace) -> None:
    report(scored, PARAMS)
    first = written(scored)
    for name in PARAMS.variants:
        cost = scored.cost(name)
        cost.write_text(cost.read_text().replace("12.5", "99.5").replace("4.2", "33.2"))
    report(scored, PARAMS)
    second = written(scored)
    changed = {name for name, content in second.items() if content != first[name]}
    assert changed == {"cost.csv", "cost.md", "cost.svg"}


def test_files_of_removed_variants_are_not_read(scored: Workspace) -> None:
    scored.scores("removed").write_text("not even JSON")
    report(scored, PARAMS)
    assert "removed" not in (scored.metrics / "comparison.csv").read_text()


def test_a_picture_of_an_earlier_run_does_not_stay(scored: Workspace) -> None:
    (scored.metrics / "pictures").mkdir()
    (scored.metrics / "pictures" / "scatter_removed.svg").write_text("old")
    report(scored, PARAMS)
    assert "pictures/scatter_removed.svg" not in written(scored)


def test_pages_show_pictures_that_are_there(reported: Workspace) -> None:
    for page in ("comparison.md", "cost.md"):
        shown = re.findall(r"!\[.+?\]\((.+?)\)", (reported.metrics / page).read_text())
        assert shown
        for picture in shown:
            assert (reported.metrics / picture).is_file()


def test_a_missing_score_is_told(scored: Workspace) -> None:
    scored.scores("imdb_embedding_gru").unlink()
    with pytest.raises(DataError, match=r"imdb_embedding_gru\.json"):
        report(scored, PARAMS)
