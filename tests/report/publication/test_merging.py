"""Where two publications disagree."""

from collections.abc import Callable

import numpy as np
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


def test_the_same_results_with_another_machine_do_not_disagree(publication, altered) -> None:
    machines = publication.machines.model_copy(update={"machines": []})
    found = compare(publication, altered(machines=machines))
    assert found.points == {}
    assert "no disagreement" in found.summary
    assert found.repeated > 0
    assert found.common == list(publication.details)


def test_other_margins_are_a_disagreement(publication, altered) -> None:
    margins = publication.margins.model_copy(update={"margin": 0.3})
    assert compare(publication, altered(margins=margins)).points == {"other margins": 1}


def test_a_training_of_the_same_seed_with_another_score_is_found(publication, altered) -> None:
    found = compare(publication, altered(change=shifted(0.001)))
    (row,) = found.changed
    assert row["variant"] == NAME
    assert row["changed"] == len(publication.details[NAME].replicates)
    assert row["largest"] == pytest.approx(0.001)


def test_differences_of_rounding_do_not_count(publication, altered) -> None:
    found = compare(publication, altered(change=shifted(1e-6)))
    assert found.changed == []


@pytest.fixture
def drawn(publication: Publication) -> Callable[..., Publication]:
    """A publication of one variant with drawn scores, of which splits of the corpus differ."""

    def draw(seed: int, rng: np.random.Generator, protocol: str) -> Publication:
        fixed = protocol == "last"
        splits = np.zeros(10, int) if fixed else np.arange(10)
        scores = 0.8 + 0.01 * rng.standard_normal(10)
        rows = [
            {"seed": seed + n, "split": int(split), "accuracy": float(score), "loss": 0.5}
            for n, (split, score) in enumerate(zip(splits, scores, strict=True))
        ]
        details = publication.details[NAME].model_copy(update={"replicates": rows, "diverged": []})
        (row,) = (row for row in publication.comparison if row["variant"] == NAME)
        changed = {
            "label": str(seed),
            "seed": seed,
            "details": {NAME: details},
            "comparison": [row | {"protocol": protocol}],
        }
        return publication.model_copy(update=changed)

    return draw


@pytest.mark.parametrize("protocol", ["random", "last"])
def test_means_with_other_seeds_differ_by_chance_in_five_percent(drawn, protocol: str) -> None:
    rng = np.random.default_rng(0)
    different = 0
    for number in range(400):
        parts = [drawn(seed, rng, protocol) for seed in (100 * number, 100 * number + 50)]
        (row,) = compare(*parts).scores
        different += row["different"]
    assert 0.02 < different / 400 < 0.09


def test_seeds_that_overlap_are_compared_and_only_the_others_tested(drawn) -> None:
    rng = np.random.default_rng(0)
    parts = [drawn(seed, rng, "last") for seed in (0, 6)]
    found = compare(*parts)
    # Six to nine are in both, with other scores.
    assert found.repeated == 4
    assert found.changed[0]["changed"] == 4
    # On drawn splits, another seed of the run has other samples.
    assert compare(*(drawn(seed, rng, "random") for seed in (0, 6))).repeated == 0


def test_a_constant_score_is_no_difference_by_rounding(drawn) -> None:
    class Constant:
        def standard_normal(self, count: int):
            return np.full(count, 1 / 3)

    assert compare(*(drawn(seed, Constant(), "last") for seed in (0, 100))).scores == []


def test_a_training_that_diverged_in_one_alone_is_found(publication, altered) -> None:
    def lose(name: str, details: Details) -> Details:
        if name != NAME:
            return details
        first, *rest = details.replicates
        lost = [{"seed": first["seed"], "split": first["split"]}]
        return details.model_copy(update={"replicates": rest, "diverged": details.diverged + lost})

    (row,) = compare(publication, altered(change=lose)).changed
    assert (row["changed"], row["largest"]) == (1, None)


@pytest.mark.parametrize("seed", [42, 1042])
def test_a_variant_that_diverged_everywhere_can_be_merged(publication, altered, seed: int) -> None:
    def lose(name: str, details: Details) -> Details:
        lost = [{"seed": r["seed"], "split": r["split"]} for r in details.replicates]
        update = {"replicates": [], "diverged": lost} if name == NAME else {}
        return details.model_copy(update=update)

    found = compare(
        altered("ours", change=lose),
        altered(
            change=lose,
            seed=seed,
            machines=publication.machines.model_copy(update={"machines": []}),
        ),
    )
    assert found.changed == []


def test_other_settings_are_named_and_not_compared(publication, altered) -> None:
    def edit(_: str, details: Details) -> Details:
        return details.model_copy(update={"key": "other"})

    questions = [row | {"answer": "first"} for row in publication.questions]
    pairs = [row | {"answer": "second", "different": True} for row in publication.pairs]
    found = compare(publication, altered(change=edit, questions=questions, pairs=pairs))
    assert found.other_settings == list(publication.details)
    assert list(found.points) == ["variants with other settings"]
    assert found.answers == []


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
    # A reversal is one event, whichever of the two states it.
    assert [row["stated_by"] for row in found.reversed] == ["ours"]
    assert found.not_found == 1
    assert found.found == 2 * (len(ours) - 2)
    assert found.points["reversed findings"] == 1


def test_other_answers_are_marked(publication, altered) -> None:
    answers = ["first", *["open"] * (len(publication.questions) - 1)]
    ours = [
        row | {"answer": answer} for row, answer in zip(publication.questions, answers, strict=True)
    ]
    theirs = [row | {"answer": "open"} for row in ours]
    found = compare(altered("ours", questions=ours), altered(questions=theirs))
    assert [row["differ"] for row in found.answers] == [True] + [False] * (len(ours) - 1)


def test_a_question_asked_the_other_way_round_is_the_same(publication, altered) -> None:
    ours = [row | {"answer": "first"} for row in publication.questions[:1]]
    theirs = [
        row | {"first": row["second"], "second": row["first"], "answer": "second"} for row in ours
    ]
    found = compare(altered("ours", questions=ours), altered(questions=theirs))
    assert [row["differ"] for row in found.answers] == [False]


def test_what_one_could_not_test_is_no_other_answer(publication, altered) -> None:
    ours = [row | {"answer": "first"} for row in publication.questions[:1]]
    theirs = [row | {"answer": "untested"} for row in ours]
    assert compare(altered("ours", questions=ours), altered(questions=theirs)).answers == []


def test_equal_labels_become_distinct(publication, altered) -> None:
    parts = [altered("a", seed=1), altered("a (2)", seed=2), altered("a", seed=3)]
    labels = [part.label for part in relabelled(parts)]
    assert labels == ["a", "a (2)", "a (3)"]


def test_the_same_results_twice_are_an_error(publication, altered) -> None:
    with pytest.raises(DataError, match="ours and theirs are the same results"):
        relabelled([publication, altered()])
