from itertools import combinations

import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.corpora.films import film_groups
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import FLAGS
from rnnbench.preprocessing.splits import block_splits, split_samples

# Ten groups of 20 samples.
GROUPS = np.random.default_rng(0).permutation(np.arange(200) % 10)
SIZES = {"train": 80, "validation": 15, "evaluation": 50}
PARTS = tuple(FLAGS)


def draw(
    split: str = "by_film",
    count: int = 200,
    seed: int = 1,
    splits: int = 3,
    groups: np.ndarray | None = GROUPS,
    **sizes: int,
) -> list[dict[str, list[int]]]:
    """The samples of each part of each split."""
    dataset = ArrayDataset(corpus="imdb", split=split, **SIZES | sizes)
    return parts_of(split_samples(dataset, count, groups, None, seed, splits))


def parts_of(flags: np.ndarray) -> list[dict[str, list[int]]]:
    return [
        {part: np.flatnonzero(row & flag).tolist() for part, flag in FLAGS.items()} for row in flags
    ]


def sizes_of(parts: dict[str, list[int]]) -> dict[str, int]:
    return {part: len(samples) for part, samples in parts.items()}


@pytest.mark.parametrize("split", ["random", "by_film"])
def test_parts_are_disjoint_and_have_the_requested_sizes(split: str) -> None:
    for parts in draw(split):
        assert sizes_of(parts) == SIZES
        assert len(set().union(*parts.values())) == sum(SIZES.values())


def test_no_group_is_in_two_parts_of_a_split() -> None:
    for parts in draw():
        for one, other in combinations(PARTS, 2):
            assert not set(GROUPS[parts[one]]) & set(GROUPS[parts[other]])


def test_random_parts_ignore_the_groups() -> None:
    (parts,) = draw("random", splits=1)
    assert set(GROUPS[parts["train"]]) == set(GROUPS[parts["evaluation"]]) == set(range(10))


@pytest.mark.parametrize("split", ["random", "by_film"])
def test_splits_differ_and_depend_on_the_seed_only(split: str) -> None:
    first = draw(split)
    assert draw(split) == first
    assert draw(split, splits=2) == first[:2]
    evaluations = [parts["evaluation"] for parts in first + draw(split, seed=2)]
    assert all(one != other for one, other in combinations(evaluations, 2))


@pytest.mark.parametrize("split", ["random", "by_film"])
def test_the_other_parts_do_not_depend_on_the_training_size(split: str) -> None:
    for fewer, more in zip(draw(split, train=10), draw(split), strict=True):
        assert len(fewer["train"]) == 10
        for part in ("validation", "evaluation"):
            assert fewer[part] == more[part]


def test_the_last_samples_can_be_the_evaluation_part() -> None:
    (parts,) = draw("last", count=9, train=3, validation=2, evaluation=3)
    assert parts == {"train": [0, 1, 2], "validation": [3, 4], "evaluation": [6, 7, 8]}


def test_all_parts_can_have_the_same_samples() -> None:
    (parts,) = draw("same", count=2, train=2, validation=1, evaluation=1)
    assert parts == {"train": [0, 1], "validation": [0], "evaluation": [0]}


def test_new_samples_belong_to_one_part_of_one_split() -> None:
    dataset = ArrayDataset(corpus="product", train=3, validation=1, evaluation=2)
    assert parts_of(block_splits(dataset, 2)) == [
        {"train": [0, 1, 2], "validation": [3], "evaluation": [4, 5]},
        {"train": [6, 7, 8], "validation": [9], "evaluation": [10, 11]},
    ]


@pytest.mark.parametrize(
    ("split", "sizes", "error"),
    [
        ("random", {"train": 136}, "train 136: the corpus has 200 samples .* leaves 135 for"),
        ("random", {"evaluation": 201}, "evaluation 201: .* leaves 200 for"),
        ("random", {"evaluation": 190}, "validation 15: .* leaves 10 for"),
        # Three groups for evaluation, one for validation: six of 20 are left.
        ("by_film", {"train": 121}, "train 121: .* split by_film leaves 120 for"),
        ("last", {"train": 140}, "validation 15: .* split last leaves 10 for"),
        ("same", {"evaluation": 201}, "evaluation 201: .* split same leaves 200 for"),
    ],
)
def test_the_error_for_a_small_corpus_names_the_part(
    split: str, sizes: dict[str, int], error: str
) -> None:
    with pytest.raises(DataError, match=error):
        draw(split, **sizes)


def test_reviews_without_numbers_cannot_be_split_by_film() -> None:
    with pytest.raises(DataError, match="numbers in the names of IMDB's files"):
        draw(groups=None)


def test_the_shipped_sizes_of_the_review_parts_are_possible() -> None:
    """Film groups differ in size, so that the number of reviews that are left varies."""
    numbers = np.tile(np.arange(12_500), 2)
    groups = film_groups(numbers, np.arange(25_000) < 12_500)
    sizes = {"train": 17_800, "validation": 1_900, "evaluation": 4_800}
    for parts in draw(count=25_000, groups=groups, splits=100, **sizes):
        assert sizes_of(parts) == sizes


@pytest.mark.parametrize("split", ["random", "by_group", "last"])
def test_parts_can_be_shares_of_all_samples(split: str) -> None:
    dataset = ArrayDataset(corpus="mine", split=split, validation=0.1, evaluation=0.2)
    for parts in parts_of(split_samples(dataset, 200, GROUPS, None, seed=1, splits=3)):
        assert (len(parts["validation"]), len(parts["evaluation"])) == (20, 40)
        assert len(parts["train"]) >= 120
        assert len(set().union(*parts.values())) == sum(map(len, parts.values()))


def test_without_a_size_all_splits_train_on_as_many_samples() -> None:
    groups = np.repeat(np.arange(12), [1, 2, 3, 5, 8, 13, 21, 34, 1, 2, 3, 5])
    dataset = ArrayDataset(corpus="mine", split="by_group", evaluation=10)
    found = parts_of(split_samples(dataset, len(groups), groups, None, seed=3, splits=20))
    sizes = {len(parts["train"]) for parts in found}
    assert len(sizes) == 1
    assert all(not set(groups[p["train"]]) & set(groups[p["evaluation"]]) for p in found)


def test_the_split_of_the_corpus_is_honoured() -> None:
    given = np.array([1, 4, 0, 2, 1, 4], np.uint8)
    dataset = ArrayDataset(corpus="mine", split="given")
    (parts,) = parts_of(split_samples(dataset, 6, None, given, seed=1, splits=5))
    assert parts == {"train": [0, 4], "validation": [3], "evaluation": [1, 5]}


@pytest.mark.parametrize(("given", "part"), [([1, 1], "evaluation"), ([4, 2], "train")])
def test_a_given_split_needs_both_parts(given: list[int], part: str) -> None:
    dataset = ArrayDataset(corpus="mine", split="given")
    with pytest.raises(DataError, match=f"no samples for the {part} part"):
        split_samples(dataset, 2, None, np.array(given, np.uint8), seed=1, splits=1)


def test_a_corpus_without_parts_cannot_have_a_given_split() -> None:
    dataset = ArrayDataset(corpus="mine", split="given")
    with pytest.raises(DataError, match=r"the corpus has no parts of its own; .*split: random"):
        split_samples(dataset, 2, None, None, seed=1, splits=1)


def test_parts_that_leave_nothing_to_train_are_refused() -> None:
    dataset = ArrayDataset(corpus="mine", validation=0.5, evaluation=100)
    with pytest.raises(DataError, match=r"200 samples .* too few for a validation part of 100"):
        split_samples(dataset, 200, None, None, seed=1, splits=1)
