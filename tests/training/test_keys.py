import shutil
from pathlib import Path

import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.models.base import VariantSettings
from rnnbench.training import keys
from rnnbench.training.keys import Replicate, find_inputs, replicates
from tests.frozen import PARAMS

NAME = "imdb_numpy_rnn"
SETTINGS = PARAMS.variant(NAME)


@pytest.fixture
def data(results: Workspace, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results.prepared(SETTINGS.dataset), tmp_path / "data"))


def first(data: Path, settings: VariantSettings = SETTINGS, seed: int = 42) -> Replicate:
    return replicates(settings, seed, 1, 2, find_inputs(settings.model, data))[0]


def test_a_key_changes_with_settings_seed_and_data(data: Path) -> None:
    key = first(data).key
    assert first(data, SETTINGS.model_copy(update={"replicates": 9})).key == key
    assert first(data, SETTINGS.model_copy(update={"epochs": 9})).key != key
    assert first(data, seed=43).key != key
    (data / "x.npy").write_bytes(b"2")
    assert first(data).key != key


@pytest.mark.parametrize(
    ("family", "depends"),
    [("keras", True), ("ensemble", True), ("ngram_lstm", True), ("linear", False)],
)
def test_an_edit_of_a_family_changes_the_keys_of_those_that_train_its_models(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, depends: bool
) -> None:
    package = tmp_path / "rnnbench"
    shutil.copytree(Path(keys.__file__).parents[1], package)
    monkeypatch.setattr(keys, "__file__", str(package / "training" / "keys.py"))
    before = find_inputs(family, data).code
    with (package / "models" / "keras" / "batches.py").open("a") as file:
        file.write("# edited\n")
    assert (find_inputs(family, data).code != before) == depends


def test_replicates_take_turns_on_the_splits(data: Path) -> None:
    found = replicates(SETTINGS, 7, 5, 2, find_inputs(SETTINGS.model, data))
    assert [replicate.seed for replicate in found] == [7, 8, 9, 10, 11]
    assert [replicate.split for replicate in found] == [0, 1, 0, 1, 0]
    assert len({replicate.key for replicate in found}) == 5


def test_more_replicates_do_not_change_the_keys_of_the_first_ones(data: Path) -> None:
    inputs = find_inputs(SETTINGS.model, data)
    two, five = (replicates(SETTINGS, 7, count, 2, inputs) for count in (2, 5))
    assert five[:2] == two
