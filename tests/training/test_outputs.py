"""What later stages read of a training."""

import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import DUPLICATE, read_further, read_meta, read_prepared, read_targets
from rnnbench.training.outputs import (
    Evaluated,
    find_model,
    priors,
    read_evaluated,
    read_history,
    read_predictions,
    read_training_record,
)
from tests.diverged import diverge
from tests.frozen import PARAMS

NAME, UNVALIDATED = "imdb_embedding_lstm", "reuters_lstm"


def read(workspace: Workspace, name: str) -> Evaluated:
    folder = workspace.prepared(PARAMS.variant(name).dataset)
    record = read_training_record(workspace, name)
    return read_evaluated(workspace, name, read_meta(folder), read_targets(folder), record)


@pytest.mark.parametrize("name", [NAME, UNVALIDATED, "product_gru", "characters_simple_rnn"])
def test_predictions_are_read_with_the_samples_of_their_split(
    results: Workspace, name: str
) -> None:
    found = read(results, name)
    data = read_prepared(results.prepared(PARAMS.variant(name).dataset))
    for replicate, split in enumerate(read_training_record(results, name).splits):
        samples = data.part(split, "evaluation")
        np.testing.assert_array_equal(found.y[replicate], samples.y)
        np.testing.assert_array_equal(found.id[replicate], samples.id)
    np.testing.assert_array_equal(
        found.prediction, np.load(results.predictions(name) / "evaluation.npy")
    )


def test_the_predictions_of_the_last_epoch_are_others_with_a_validation_part_only(
    results: Workspace,
) -> None:
    with_part, without = read(results, NAME), read(results, UNVALIDATED)
    last = np.load(results.predictions(NAME) / "last_epoch.npy")
    np.testing.assert_array_equal(with_part.last, last)
    assert (last != with_part.prediction).any()
    np.testing.assert_array_equal(without.last, without.prediction)


def test_duplicates_are_those_of_the_split_of_the_replicate(results: Workspace) -> None:
    path = results.prepared("imdb_index_1000") / "splits.npy"
    splits = np.load(path)
    place = np.flatnonzero(splits[1] & 4)[7]
    splits[1, place] |= DUPLICATE
    np.save(path, splits)
    found = read(results, NAME)
    assert [np.flatnonzero(row).tolist() for row in found.duplicate] == [[], [7], []]


def test_diverged_replicates_are_left_out(results: Workspace) -> None:
    record = diverge(results, NAME, 0)
    before, found = read_prepared(results.prepared("imdb_index_1000")), read(results, NAME)
    assert record.finished == [1, 2]
    for row, split in enumerate((1, 0)):
        np.testing.assert_array_equal(found.y[row], before.part(split, "evaluation").y)
    history = read_history(results, NAME, record)
    assert history["replicate"].unique().tolist() == [1, 2]


@pytest.mark.parametrize("name", [NAME, UNVALIDATED, "product_gru", "characters_simple_rnn"])
def test_without_any_finished_replicate_there_are_no_predictions(
    results: Workspace, name: str
) -> None:
    record = diverge(results, name, 0, 1, 2)
    found = read(results, name)
    for array in vars(found).values():
        assert len(array) == 0
    assert read_history(results, name, record).empty


def test_a_history_without_the_last_epoch_of_a_replicate_is_refused(results: Workspace) -> None:
    path = results.history(NAME)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=rf"{NAME}\.csv: epochs are missing; run dvc repro"):
        read_history(results, NAME, read_training_record(results, NAME))


@pytest.mark.parametrize("content", ["", "replicate,epoch\n0,1\n", "epoch\nx\n"])
def test_a_damaged_history_is_reported(results: Workspace, content: str) -> None:
    results.history(NAME).write_text(content)
    with pytest.raises(DataError, match=rf"{NAME}\.csv: not readable"):
        read_history(results, NAME, read_training_record(results, NAME))


def test_predictions_of_another_further_set_are_refused(results: Workspace) -> None:
    folder = results.prepared("imdb_index_1000")
    y = read_further(folder, "rotten_tomatoes").y
    meta = read_meta(folder)
    instead = priors(meta, read_targets(folder), read_training_record(results, NAME))
    found = read_predictions(results, NAME, "rotten_tomatoes", meta, y, instead)
    assert found.shape == (3, 400)
    with pytest.raises(DataError, match=r"rotten_tomatoes\.npy: .*expected .*\(replicates, 399\)"):
        read_predictions(results, NAME, "rotten_tomatoes", meta, y[1:], instead)


def test_the_prior_of_its_split_stands_for_a_prediction_that_is_no_number(
    results: Workspace,
) -> None:
    folder = results.prepared("imdb_index_1000")
    for kind, replicate in (("evaluation", 0), ("evaluation", 1), ("last_epoch", 1)):
        path = results.predictions(NAME) / f"{kind}.npy"
        predictions = np.load(path)
        predictions[replicate, 7] = np.nan
        np.save(path, predictions)
    found, data = read(results, NAME), read_prepared(folder)
    shares = [data.part(split, "train").y.mean() for split in (0, 1)]
    assert shares[0] != shares[1]
    np.testing.assert_allclose(found.prediction[:2, 7], shares)
    assert found.last[1, 7] == pytest.approx(shares[1])
    others = np.delete(found.prediction, 7, axis=1)
    stored = np.load(results.predictions(NAME) / "evaluation.npy")
    np.testing.assert_array_equal(others, np.delete(stored, 7, axis=1))


def test_a_model_is_found_if_it_has_the_settings(results: Workspace) -> None:
    settings = PARAMS.variant(NAME)
    assert find_model(results, NAME, settings) is None
    for replicate in (1, 2):
        results.model(NAME, replicate, ".keras").write_bytes(b"")
    assert find_model(results, NAME, settings) == results.model(NAME, 2, ".keras")
    diverge(results, NAME, 2)
    assert find_model(results, NAME, settings) == results.model(NAME, 1, ".keras")
    more = settings.model_copy(update={"replicates": 50})
    assert find_model(results, NAME, more) is not None
    assert find_model(results, NAME, settings.model_copy(update={"epochs": 11})) is None
    results.training_record(NAME).unlink()
    assert find_model(results, NAME, settings) is None
