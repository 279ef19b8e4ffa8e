"""Two variants in detail: on results with chosen scores, and from the files of a workspace."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError, UnknownNameError
from rnnbench.core.workspace import Workspace
from rnnbench.params import Question
from rnnbench.report import head_to_head
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.head_to_head import HeadToHead, agreement, compare, decisive_samples
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED
from rnnbench.report.questions import ask
from rnnbench.report.results import Result
from tests.frozen import PARAMS
from tests.report.helpers import SETTINGS, N, invent

FEW = ("imdb_embedding_lstm", "imdb_embedding_gru", "imdb_multi_hot_dense", "product_gru")
SMALL = replace(PARAMS, variants={name: PARAMS.variants[name] for name in FEW}, published={})


def shared(first: Result, second: Result, paired: bool = True) -> pd.DataFrame:
    return head_to_head.shared_samples(first, second, paired)


def with_correct(name: str, correct: list[list[int]], **options: object) -> Result:
    """A variant with these correct predictions of the first samples, by replicate."""
    result = invent(name, [0.5] * len(correct), **options)
    prediction = np.full((len(correct), N), 0.1)
    prediction[:, : len(correct[0])] = np.where(np.array(correct) > 0, 0.9, 0.1)
    return replace(result, evaluated=replace(result.evaluated, prediction=prediction))


@pytest.fixture
def run(evaluated: Workspace, monkeypatch: pytest.MonkeyPatch):
    """Compares two results with chosen scores, with the samples of a real dataset."""

    def compare_results(first: Result, second: Result, measure: str | None = None) -> HeadToHead:
        read = {r.name: replace(r, dataset="imdb_index_1000") for r in (first, second)}
        monkeypatch.setattr(head_to_head, "read_result", lambda _w, _p, name: read[name])
        variants = dict.fromkeys(read, PARAMS.variant("imdb_embedding_lstm"))
        params = replace(PARAMS, comparison=SETTINGS, variants=variants)
        return compare(evaluated, params, *read, measure)

    return compare_results


@pytest.mark.parametrize("samples", ["one", "other"])
@pytest.mark.parametrize("kind", ["splits", "single split", "numbers"])
def test_the_test_is_that_of_a_single_question(run, kind: str, samples: str) -> None:
    rng = np.random.default_rng(0)
    options = {
        "splits": {},
        "single split": {"protocol": "last"},
        "numbers": {"target": "number", "protocol": "new"},
    }[kind]
    seen = set()
    for spread in (0.002, 0.01, 0.04):
        for gap in (-0.1, 0.0, 0.1):
            scores = 0.8 + spread * rng.standard_normal((2, 8)) + [[gap], [0]]
            if kind == "numbers":
                scores = 1e-3 * np.exp(20 * (scores - 0.8))
            one, other = (list(row) for row in scores)
            first = invent("a", one, **options)
            second = invent("b", other, samples=samples, **options)
            question = Question(question="?", variants=["a", "b"])
            sets = evaluation_sets([first, second])
            (asked,) = ask([question], sets, SETTINGS).to_dict("records")
            found = run(first, second)
            assert found.paired == (samples == "one")
            assert found.answer == asked["answer"]
            asked["needed"] = None if pd.isna(asked["needed"]) else asked["needed"]
            assert found.test == {key: asked[key] for key in found.test}
            assert found.test["p"] == asked["p_adjusted"]
            seen.add(found.answer)
    assert {FIRST, SECOND} < seen
    assert seen & {EQUAL, OPEN}


def test_the_scores_and_intervals_are_those_of_the_table(
    evaluated: Workspace, reported: Workspace
) -> None:
    table = pd.read_csv(reported.metrics / "comparison.csv").set_index("variant")
    for first, second, measure in (
        ("imdb_embedding_lstm", "imdb_embedding_gru", "accuracy"),
        ("imdb_embedding_lstm", "imdb_multi_hot_dense", "loss"),
        ("product_gru", "product_lstm", "loss"),
    ):
        found = compare(evaluated, PARAMS, first, second, measure)
        for score in (found.first, found.second):
            row = table.loc[score.variant]
            assert score.mean == pytest.approx(row[measure])
            assert score.interval.low == pytest.approx(row[f"{measure}_low"], rel=1e-5)
            assert score.interval.high == pytest.approx(row[f"{measure}_high"], rel=1e-5)
            assert score.replicates == row["replicates"]
            splits = pd.read_csv(evaluated.replicates(score.variant))["split"]
            assert score.splits == splits.nunique()


def test_correct_predictions_are_counted_by_pairs_of_the_same_split() -> None:
    # In split 0 one sample each and one both; in split 1 all of the first variant, two seeds.
    first = with_correct("a", [[1, 1, 0], [1, 1, 1], [1, 1, 1]], splits=[0, 1, 1])
    second = with_correct("b", [[1, 0, 1], [0, 0, 0], [1, 1, 0]], splits=[0, 1, 1])
    found = agreement(shared(first, second), paired=True)
    assert found.samples == N
    # Split 0: 1, 1, 1; split 1: the second one is right about half a sample, twice.
    assert found.both == pytest.approx((1 + 1) / 2)
    assert found.first == pytest.approx((1 + 2) / 2)
    assert found.second == pytest.approx((1 + 0) / 2)
    assert found.neither == pytest.approx(N - found.both - found.first - found.second)


def test_the_counts_follow_from_the_accuracies() -> None:
    rng = np.random.default_rng(1)
    first, second = (invent(name, list(rng.uniform(0.5, 1, 6))) for name in "ab")
    found = agreement(shared(first, second), paired=True)
    for part, result in ((found.first, first), (found.second, second)):
        accuracy = result.replicates["accuracy"].mean()
        assert (found.both + part) / N == pytest.approx(accuracy)


def test_unpaired_variants_share_the_samples_with_the_same_number_and_label() -> None:
    first = with_correct("a", [[1, 1, 1, 1]])
    second = with_correct("b", [[1, 0, 1, 0]], samples="other")
    moved = replace(
        second,
        evaluated=replace(second.evaluated, id=second.evaluated.id + 1, y=1 - second.evaluated.y),
    )
    assert agreement(shared(first, moved, paired=False), paired=False) is None
    moved = replace(second, evaluated=replace(second.evaluated, id=second.evaluated.id + 1))
    found = agreement(shared(first, moved, paired=False), paired=False)
    # Samples 1 to 499; the second variant is right about 1 and 3.
    assert (found.samples, found.both, found.first, found.second) == (N - 1, 2, 1, 0)


def test_the_samples_with_the_largest_differences_come_first() -> None:
    first = with_correct("a", [[1, 1, 0, 0, 1], [1, 0, 0, 0, 1]], splits=[0, 0])
    second = with_correct("b", [[0, 0, 1, 1, 1], [0, 0, 0, 1, 1]], splits=[0, 0])
    for_first, for_second = decisive_samples(shared(first, second), "accuracy")
    assert for_first.index.to_list() == [0, 1]
    assert for_first.to_numpy().tolist() == [[1, 0], [0.5, 0]]
    assert for_second.index.to_list() == [3, 2]
    assert for_second.to_numpy().tolist() == [[0, 1], [0, 0.5]]


def test_equal_differences_are_ordered_by_the_loss() -> None:
    first = with_correct("a", [[1] * 9])
    second = with_correct("b", [[0] * 9])
    second.evaluated.prediction[0, 7] = 0.01
    for_first, _ = decisive_samples(shared(first, second), "accuracy")
    assert for_first.index.to_list() == [7, 0, 1, 2, 3]


def test_numbers_are_ordered_by_their_errors() -> None:
    first, second = (
        invent(name, [error], target="number", protocol="new")
        for name, error in (("a", 1e-4), ("b", 1e-2))
    )
    for_first, for_second = decisive_samples(shared(first, second), "loss")
    # The errors of `invent` grow with the number of the sample.
    assert for_first.index.to_list() == list(range(N - 1, N - 6, -1))
    assert for_second.empty


def test_samples_have_their_label_and_their_text(evaluated: Workspace) -> None:
    found = compare(evaluated, PARAMS, "imdb_embedding_lstm", "imdb_embedding_gru")
    labels = np.load(evaluated.prepared("imdb_index_1000") / "y.npy")
    assert len(found.for_first) == len(found.for_second) == 5
    for sample in found.for_first + found.for_second:
        assert sample.label == ("negative", "positive")[labels[sample.sample]]
        assert isinstance(sample.text, str)
    numbers = compare(evaluated, PARAMS, "product_gru", "product_lstm")
    assert {sample.text for sample in numbers.for_first} == {None}
    assert all(sample.first < sample.second for sample in numbers.for_first)
    assert all(sample.first > sample.second for sample in numbers.for_second)


def test_what_cannot_be_tested_says_why_and_has_its_samples(run) -> None:
    found = run(invent("a", [0.8]), invent("b", [0.7, 0.8]))
    assert (found.answer, found.test, found.within_margin) == (UNTESTED, {}, None)
    assert found.sentences[0].startswith("Not tested: a and b have fewer than two splits")
    assert found.agreement is not None
    assert len(found.for_first) == 5


def test_every_reason_not_to_compare_is_one_line(run, evaluated: Workspace) -> None:
    fine = invent("fine", [0.8, 0.9])
    for other, reason in (
        (invent("gone", [], diverged=2), "gone: all of its replicates have diverged"),
        (invent("same", [0.8, 0.9], protocol="same"), "same is evaluated on its training samples"),
    ):
        for pair in ((fine, other), (other, fine)):
            with pytest.raises(DataError, match=reason):
                run(*pair)
    with pytest.raises(DataError, match="with itself"):
        compare(evaluated, PARAMS, "product_gru", "product_gru")
    with pytest.raises(DataError, match=r"different corpora.*product_gru has product"):
        compare(evaluated, PARAMS, "imdb_majority", "product_gru")
    with pytest.raises(UnknownNameError, match="did you mean 'product_gru'"):
        compare(evaluated, PARAMS, "product_gr", "product_lstm")


def test_only_the_two_variants_are_read(evaluated: Workspace, tmp_path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(evaluated.root, workspace.root)
    first, second, other, third = FEW
    before = compare(workspace, SMALL, first, second)
    for path in (workspace.training_record(other), workspace.scores(third)):
        path.write_text("damaged")
    assert compare(workspace, SMALL, first, second) == before
    with pytest.raises(DataError, match=r"training\.json"):
        compare(workspace, SMALL, first, other)
    record = workspace.training_record(second)
    content = json.loads(record.read_text())
    content["settings"]["epochs"] += 1
    record.write_text(json.dumps(content))
    with pytest.raises(DataError, match=f"{second}: trained with other.*evaluate@{second}"):
        compare(workspace, SMALL, first, second)
