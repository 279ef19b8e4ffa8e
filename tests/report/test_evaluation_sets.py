import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.data.format import FLAGS, training_data_digest
from rnnbench.report.evaluation_sets import EvaluationSet, evaluation_sets
from rnnbench.report.results import Result, read_results
from tests.frozen import PARAMS
from tests.report.helpers import N, invent


@pytest.fixture
def copied(evaluated: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(evaluated.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def numbers(workspace: Workspace) -> dict[str, int]:
    """The number of each variant's set, as if all were trained on the data that are there now."""
    for name, settings in PARAMS.variants.items():
        path = workspace.training_record(name)
        digest = training_data_digest(workspace.prepared(settings.dataset))
        path.write_text(json.dumps(json.loads(path.read_text()) | {"data": digest}))
    sets = evaluation_sets(read_results(workspace, PARAMS))
    return {result.name: members.number for members in sets for result in members.results}


def test_the_sets_of_a_corpus_are_those_of_its_splits(invented_results: list[Result]) -> None:
    found = {
        (members.corpus, members.number, members.protocol): {r.dataset for r in members.results}
        for members in evaluation_sets(invented_results)
    }
    assert found == {
        ("imdb", 1, "by_film"): {
            "imdb_one_hot_100",
            "imdb_index_1000",
            "imdb_subwords_8192",
            "imdb_words",
        },
        ("imdb", 2, "random"): {"imdb_multi_hot_10000"},
        ("reuters", 1, "random"): {"reuters_index"},
        ("reuters", 2, "last"): {"reuters_numbers"},
        ("product", 1, "new"): {"product"},
        ("arithmetic", 1, "random"): {"arithmetic"},
        ("characters", 1, "same"): {"characters"},
    }


def test_variants_with_fewer_training_samples_stay_in_their_set(copied: Workspace) -> None:
    before = numbers(copied)
    path = copied.prepared("imdb_index_1000") / "splits.npy"
    flags = np.load(path)
    flags[:, ::2] &= ~np.uint8(FLAGS["train"])
    np.save(path, flags)
    assert numbers(copied) == before


@pytest.mark.parametrize("file", ["splits", "y"])
def test_a_single_other_sample_or_label_makes_another_set(copied: Workspace, file: str) -> None:
    path = copied.prepared("imdb_index_1000") / f"{file}.npy"
    values = np.load(path)
    if file == "y":
        flags = np.load(path.with_name("splits.npy"))
        evaluated = np.flatnonzero(flags[0] & FLAGS["evaluation"])[0]
        values[evaluated] = 1 - values[evaluated]
    else:
        one, other = (np.flatnonzero(values[0] & FLAGS[p])[0] for p in ("train", "evaluation"))
        values[0, [one, other]] = values[0, [other, one]]
    np.save(path, values)
    found = numbers(copied)
    assert found["imdb_embedding_lstm"] == found["imdb_embedding_gru"]
    assert found["imdb_embedding_lstm"] != found["imdb_simple_rnn_one_hot"]


def test_a_dataset_that_stores_each_sample_once_per_split_stays_in_its_set(
    copied: Workspace,
) -> None:
    before = numbers(copied)
    folder = copied.prepared("imdb_index_1000")
    flags = np.load(folder / "splits.npy")
    splits, n = flags.shape
    copies = np.zeros((splits, splits, n), np.uint8)
    copies[range(splits), range(splits)] = flags
    np.save(folder / "splits.npy", copies.reshape(splits, -1))
    for name in ("y", "id", "x"):
        values = np.load(folder / f"{name}.npy")
        np.save(folder / f"{name}.npy", np.concatenate([values] * splits))
    assert numbers(copied) == before


def test_a_variant_with_diverged_replicates_is_compared_on_the_common_splits() -> None:
    all_splits = invent("all", [0.7, 0.8, 0.9, 0.8])
    some = invent("some", [0.6, 0.72, 0.74], splits=[0, 1, 3], diverged=1)
    scores = EvaluationSet("imdb", 1, [all_splits, some]).scores("accuracy")
    found = scores.difference(0, 1)
    assert found.mean == pytest.approx(np.mean([0.1, 0.08, 0.06]))
    assert found.replicates == 3
    assert scores.mean(0).mean == pytest.approx(0.8)


def test_several_seeds_of_a_split_count_once() -> None:
    one = invent("one", [0.7, 0.9, 0.8], splits=[0, 0, 1])
    found = EvaluationSet("imdb", 1, [one]).scores("accuracy").mean(0)
    assert (found.mean, found.replicates) == (pytest.approx(0.8), 2)


@pytest.mark.parametrize("protocol", ["new", "last"])
def test_the_mean_of_losses_is_the_geometric_one(protocol: str) -> None:
    result = invent("gru", [1e-4, 1e-2], target="number", protocol=protocol)
    found = EvaluationSet("product", 1, [result]).scores("loss").mean(0)
    assert np.exp(found.mean) == pytest.approx(1e-3)
    assert np.exp(found.mean) == pytest.approx(result.scores.loss)


def test_nothing_follows_from_predictions_of_training_samples_or_from_a_loss_of_0() -> None:
    same = invent("same", [0.8, 0.9], protocol="same")
    assert EvaluationSet("characters", 1, [same]).scores("accuracy") is None
    exact, other = (
        invent(name, losses, target="number", protocol="new")
        for name, losses in (("exact", [0.0, 1e-3]), ("other", [1e-3, 2e-3]))
    )
    members = EvaluationSet("product", 1, [exact, other])
    assert members.scores("loss") is None
    assert members.only(["other"]).scores("loss") is not None


def test_overlapping_splits_widen_the_error_by_the_smallest_training_part() -> None:
    scores = [0.8, 0.84, 0.82, 0.86]
    variance = np.var(scores, ddof=1)

    def error(protocol: str, *trains: int) -> float:
        results = [invent(str(t), scores, train=t, protocol=protocol) for t in trains]
        return EvaluationSet("imdb", 1, results).scores("accuracy").mean(0).error

    assert error("new", 2000) == pytest.approx(np.sqrt(variance / 4))
    assert error("random", 2000) == pytest.approx(np.sqrt(variance * (1 / 4 + N / 2000)))
    assert error("random", 2000, 1000) == pytest.approx(np.sqrt(variance * (1 / 4 + N / 1000)))


def test_sets_without_a_validation_part_come_last_and_keep_their_best_first() -> None:
    results = [
        invent("unvalidated", [0.9], samples="other", validation=0),
        invent("best", [0.8], validation=0),
        invent("worse", [0.7]),
        invent("third", [0.6], samples="third"),
        invent("product", [1e-3], target="number", protocol="new", validation=0),
    ]
    found = [(s.corpus, s.number, [r.name for r in s.results]) for s in evaluation_sets(results)]
    assert found == [
        ("imdb", 1, ["best", "worse"]),
        ("imdb", 2, ["third"]),
        ("imdb", 3, ["unvalidated"]),
        ("product", 1, ["product"]),
    ]


def test_the_best_variant_decides_the_order_of_the_sets(invented_results: list[Result]) -> None:
    reviews = [result for result in invented_results if result.meta.corpus == "imdb"]
    other = replace(reviews[0], samples="other")
    assert [s.number for s in evaluation_sets([other, *reviews[1:]])] == [1, 2, 3]
    assert evaluation_sets([other, *reviews[1:]])[0].results == [other]
