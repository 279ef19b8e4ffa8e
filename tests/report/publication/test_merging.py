"""Where two publications disagree."""

import pytest

from rnnbench.core.errors import DataError
from rnnbench.report.publication.contents import Details, Publication
from rnnbench.report.publication.merging import Disagreements, disagreements, relabelled

NAME = "imdb_embedding_gru"


def shifted(by: float, name: str = NAME):
    """Adds a number to all scores of one variant."""

    def change(variant: str, details: Details) -> Details:
        if variant != name:
            return details
        rows = [row | {"accuracy": row["accuracy"] + by} for row in details.replicates]
        return details.model_copy(update={"replicates": rows})

    return change


def compare(*parts: Publication) -> Disagreements:
    (found,) = disagreements(relabelled(list(parts)))
    return found


def test_the_same_results_under_two_names_do_not_disagree(publication, altered) -> None:
    # Another version of a library, so that they are not the same publication.
    found = compare(
        publication,
        altered(machines=publication.machines, settings={"margin": 0.02, "loss_margin": 0.3}),
    )
    assert found.points == {}
    assert "no disagreement" in found.summary
    assert found.repeated > 0
    assert found.common == list(publication.details)


def test_a_training_of_the_same_seed_with_another_score_is_found(publication, altered) -> None:
    found = compare(publication, altered(change=shifted(0.001)))
    (row,) = found.changed
    assert row["variant"] == NAME
    assert row["changed"] == row["trainings"] == len(publication.details[NAME].replicates)
    assert row["largest"] == pytest.approx(0.001)


def test_differences_of_rounding_do_not_count(publication, altered) -> None:
    found = compare(publication, altered(change=shifted(1e-6)))
    assert found.changed == []


def test_a_mean_that_differs_with_other_seeds_is_tested(publication, altered) -> None:
    # It has enough trainings for a test of 24 variants at once.
    name = "reuters_lstm"
    found = compare(publication, altered(change=shifted(-0.3, name), seed=1042))
    # Seeds and splits are others, so that no training is repeated.
    assert found.repeated == 0
    different = [row for row in found.scores if row["different"]]
    assert [row["variant"] for row in different] == [name]
    assert different[0]["low"] < 0.3 < different[0]["high"]


def test_equal_means_with_other_seeds_are_not_different(publication, altered) -> None:
    found = compare(publication, altered(seed=1042))
    assert found.scores
    assert not any(row["different"] for row in found.scores)


def test_other_settings_are_named_and_not_compared(publication, altered) -> None:
    def edit(name: str, details: Details) -> Details:
        return details.model_copy(update={"key": "other"}) if name == NAME else details

    found = compare(publication, altered(change=edit))
    assert found.other_settings == [NAME]
    assert NAME not in found.common


def test_variants_of_one_alone_are_named(publication, altered) -> None:
    details = {name: d for name, d in publication.details.items() if name != NAME}
    found = compare(publication, publication.model_copy(update={"label": "b", "details": details}))
    assert found.only_first == [NAME]
    assert found.only_second == []


def test_findings_that_are_reversed_or_lost_are_listed(publication, altered) -> None:
    ours = [
        row | {"answer": "first", "effect": 0.1, "low": 0.05, "high": 0.15, "measure": "accuracy"}
        for row in publication.pairs
    ]
    theirs = [dict(row) for row in ours]
    theirs[0] |= {"answer": "second", "effect": -0.1, "low": -0.15, "high": -0.05}
    theirs[1] |= {"answer": "open", "low": -0.05}
    found = compare(altered("ours", pairs=ours, questions=[]), altered(pairs=theirs, questions=[]))
    assert [row["stated_by"] for row in found.reversed] == ["ours", "theirs"]
    assert [row["stated_by"] for row in found.not_found] == ["ours"]
    assert found.found == 2 * (len(ours) - 2)


def test_other_answers_are_marked(publication, altered) -> None:
    questions = [dict(row) for row in publication.questions]
    questions[0]["answer"] = "second" if questions[0]["answer"] == "first" else "first"
    found = compare(publication, altered(questions=questions))
    assert [row["differ"] for row in found.answers].count(True) == 1
    assert found.answers[0]["differ"]


def test_equal_labels_become_distinct(publication, altered) -> None:
    parts = relabelled([publication, altered(label=publication.label, seed=1)])
    assert [part.label for part in parts] == ["ours", "ours (2)"]


def test_the_same_results_twice_are_an_error(publication, altered) -> None:
    with pytest.raises(DataError, match="twice"):
        relabelled([publication, altered()])
