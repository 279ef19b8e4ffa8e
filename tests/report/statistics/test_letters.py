from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from rnnbench.report.statistics.pairs import letters

NAMES = ["a1", "b2", "c3", "d4", "e5"]
PAIRS = list(combinations(NAMES, 2))


def test_an_overlap_gives_two_letters() -> None:
    assert letters(NAMES[:3], [("a1", "c3")]) == {"a1": "a", "b2": "ab", "c3": "b"}


def test_variants_that_all_differ_have_one_letter_each() -> None:
    assert letters(NAMES, PAIRS) == dict(zip(NAMES, "abcde", strict=True))


@given(st.sets(st.sampled_from(PAIRS)))
def test_a_letter_is_shared_exactly_by_those_that_are_not_significantly_different(
    different: set,
) -> None:
    found = letters(NAMES, sorted(different))
    for first, second in PAIRS:
        shared = set(found[first]) & set(found[second])
        assert bool(shared) == ((first, second) not in different)


def test_there_are_letters_for_any_number_of_groups() -> None:
    names = [str(number) for number in range(60)]
    found = letters(names, combinations(names, 2))
    assert len(set(found.values())) == 60
    assert all(len(mark) == 1 for mark in found.values())
