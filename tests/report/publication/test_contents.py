"""What a publication holds, and what it needs."""

import json
import shutil
from pathlib import Path

import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.report.publication.contents import (
    Publication,
    Publications,
    read_publication,
    read_publications,
)
from tests.frozen import PARAMS


def test_tables_and_params_are_enough(reported: Workspace, tmp_path: Path) -> None:
    # As in a new clone: no data, no models.
    shutil.copytree(reported.metrics, tmp_path / "metrics")
    found = read_publication(Workspace(tmp_path), PARAMS, "ours")
    assert [row["variant"] for row in found.comparison] == list(found.details)


def test_every_pair_has_a_sentence_with_its_variants(publication: Publication) -> None:
    assert publication.pairs
    for row in publication.pairs:
        assert row["first"] in row["text"]
        assert row["second"] in row["text"]


def test_long_curves_are_thinned_and_keep_their_last_epoch(
    reported: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(reported.metrics, tmp_path / "metrics")
    lines = [f"{r},{e},0.5,0.5,0.{r}{e:03},0.5" for r in range(5) for e in range(1, 202)]
    text = "replicate,epoch,loss,accuracy,val_loss,val_accuracy\n" + "\n".join(lines)
    histories = tmp_path / "metrics" / "history"
    (histories / "product_lstm.csv").write_text(text)
    (histories / "product_mean.csv").write_text("\n".join(text.splitlines()[:2]))
    details = read_publication(Workspace(tmp_path), PARAMS, "ours").details
    curves = details["product_lstm"].curves
    assert curves is not None
    assert 50 < len(curves.epoch) < 100
    assert curves.epoch[-1] == 201
    # Numbers are shown by their loss.
    assert [line[-1] for line in curves.validation] == [0.0201, 0.1201, 0.2201, 0.3201, 0.4201]
    # A single epoch is no curve.
    assert details["product_mean"].curves is None


def test_each_task_has_one_champion_at_most(publication: Publication) -> None:
    champions = [row["corpus"] for row in publication.comparison if row["champion"]]
    assert champions
    assert len(champions) == len(set(champions))


def test_what_is_published_can_be_read_again(publication: Publication, tmp_path: Path) -> None:
    text = Publications(publications=[publication]).model_dump_json()
    (tmp_path / "results.json").write_text(text)
    # JSON has no NaN, and other readers than ours refuse it.
    json.loads(text, parse_constant=pytest.fail)
    assert read_publications(tmp_path) == [publication]


@pytest.mark.parametrize(
    "content",
    [None, "{", '{"publications": []}', '{"version": 1, "publications": [{}]}', '{"version": 2}'],
)
def test_a_folder_that_is_no_publication_is_named(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(DataError, match=str(tmp_path)):
        read_publications(tmp_path)


def test_a_missing_table_is_named(reported: Workspace, tmp_path: Path) -> None:
    shutil.copytree(reported.metrics, tmp_path / "metrics")
    (tmp_path / "metrics" / "cost.csv").unlink()
    with pytest.raises(DataError, match=r"cost\.csv"):
        read_publication(Workspace(tmp_path), PARAMS, "ours")
