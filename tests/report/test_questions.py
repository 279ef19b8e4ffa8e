import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnbench.data.roles import BASELINE
from rnnbench.params import Question
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED
from rnnbench.report.questions import COLUMNS, ask
from rnnbench.report.results import Result
from tests.report.helpers import SETTINGS, invent


def questions(*pairs: tuple[str, str]) -> list[Question]:
    return [Question(question=f"{one} or {other}?", variants=[one, other]) for one, other in pairs]


def answered(results: list[Result], *pairs: tuple[str, str]) -> pd.DataFrame:
    return ask(questions(*pairs), evaluation_sets(results), SETTINGS)


def around(name: str, mean: float, spread: float, **options: object) -> Result:
    """Ten splits whose scores have a mean and a spread, or a geometric one for numbers."""
    shape = np.random.default_rng(len(name)).permutation(np.linspace(-1, 1, 10))
    if options.get("target") == "number":
        return invent(name, list(mean * np.exp(spread * shape)), protocol="new", **options)
    return invent(name, list(mean + spread * shape), **options)


@pytest.mark.parametrize(
    ("first", "second", "spread", "answer"),
    [
        (0.85, 0.75, 0.01, FIRST),
        (0.75, 0.85, 0.01, SECOND),
        (0.80, 0.80, 0.004, EQUAL),
        (0.82, 0.80, 0.10, OPEN),
    ],
)
def test_an_answer_is_what_the_interval_decides(
    first: float, second: float, spread: float, answer: str
) -> None:
    results = [around("a", first, spread), around("bb", second, spread)]
    row = answered(results, ("a", "bb")).iloc[0]
    assert row["answer"] == answer
    assert row["effect"] == pytest.approx(first - second, abs=1e-3)
    inside = -SETTINGS.margin < row["low"] and row["high"] < SETTINGS.margin
    zero = row["low"] <= 0 <= row["high"]
    assert (answer == EQUAL) == (inside and zero)
    assert (answer in (FIRST, SECOND)) == (not zero)


@pytest.mark.parametrize(
    ("first", "second", "spread", "answer"),
    [
        (1e-4, 1e-2, 0.5, FIRST),
        (1e-2, 1e-4, 0.5, SECOND),
        (1e-3, 1e-3, 0.1, EQUAL),
        (1e-3, 1.5e-3, 2, OPEN),
    ],
)
def test_losses_are_compared_by_the_factor_by_which_the_first_one_is_smaller(
    first: float, second: float, spread: float, answer: str
) -> None:
    results = [around(n, m, spread, target="number") for n, m in (("a", first), ("bb", second))]
    row = answered(results, ("a", "bb")).iloc[0]
    assert (row["measure"], row["answer"]) == ("loss", answer)
    assert row["effect"] == pytest.approx(second / first)
    assert row["low"] < row["effect"] < row["high"]
    assert row["detectable"] > 1


def test_an_interval_excludes_no_difference_exactly_if_the_corrected_p_is_small() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(20):
        results = [invent("base", list(0.8 + 0.02 * rng.standard_normal(10)))]
        for number in range(6):
            scores = 0.8 - 0.04 * rng.random() + 0.02 * rng.standard_normal(10)
            results.append(invent(f"v{number}", list(scores)))
        table = answered(results, *(("base", result.name) for result in results[1:]))
        excluded = (table["low"] > 0) | (table["high"] < 0)
        assert ((table["p_adjusted"] < 0.05) == excluded).all()
        assert (table["answer"].isin([FIRST, SECOND]) == excluded).all()
        seen |= {*excluded}
    assert seen == {True, False}


@pytest.mark.parametrize(
    "new",
    [
        around("new", 0.9, 0.01),
        invent("new", [0.1], diverged=9),
        invent("new", [], diverged=10),
        around("new", 0.8, 0.01, train=600),
        invent("new", [0.5] * 10, role=BASELINE),
    ],
    ids=["good", "one replicate", "diverged", "fewer training samples", "no spread"],
)
def test_a_new_variant_changes_no_answer(new: Result) -> None:
    results = [around(name, 0.8, 0.02) for name in ("a", "bb", "ccc")]
    asked = ("a", "bb"), ("bb", "ccc")
    before = answered(results, *asked)
    for place in (0, 3):
        after = answered([*results[:place], new, *results[place:]], *asked)
        pd.testing.assert_frame_equal(after, before)


def test_a_new_variant_without_any_error_changes_no_answer_about_losses() -> None:
    results = [around(name, 1e-3, 1, target="number") for name in ("a", "bb")]
    exact = invent("exact", [0.0] * 10, target="number", protocol="new")
    before = answered(results, ("a", "bb"))
    pd.testing.assert_frame_equal(answered([exact, *results], ("a", "bb")), before)
    assert len(before) == 1


def test_variants_of_two_sets_have_independent_means() -> None:
    rng = np.random.default_rng(0)
    common = 0.8 + 0.03 * rng.standard_normal(10)
    first, second = common + 0.01, list(common + 0.002 * rng.standard_normal(10))
    options = {"train": 2000, "protocol": "new"}
    one = invent("one", list(first), **options)

    def asked(other: Result) -> pd.Series:
        return answered([one, other], ("one", "other")).iloc[0]

    apart, mixed = (
        asked(invent("other", scores, samples="others", **options))
        for scores in (second, second[::-1])
    )
    assert apart["low"] == pytest.approx(mixed["low"])
    rounded = [invent("any", scores).replicates["accuracy"] for scores in (first, second)]
    welch = stats.ttest_ind(*rounded, equal_var=False)
    assert apart["p"] == pytest.approx(welch.pvalue)
    together = asked(invent("other", second, **options))
    assert together["effect"] == pytest.approx(apart["effect"])
    assert together["high"] - together["low"] < (apart["high"] - apart["low"]) / 5


def test_what_cannot_be_tested_stays_without_figures() -> None:
    fine = around("fine", 0.8, 0.01)
    untestable = [
        invent("gone", [], diverged=3),
        invent("once", [0.8]),
        invent("same", [0.8, 0.9], protocol="same", samples="training"),
        around("number", 1e-3, 1, target="number", samples="numbers"),
    ]
    pairs = [("fine", result.name) for result in untestable]
    found = answered([fine, *untestable], *pairs, *(pair[::-1] for pair in pairs))
    assert list(found) == list(COLUMNS)
    assert (found["answer"] == UNTESTED).all()
    assert list(zip(found["first"], found["second"], strict=True)) == [
        *pairs,
        *(pair[::-1] for pair in pairs),
    ]
    figures = found.drop(columns=["question", "first", "second", "answer"])
    assert figures.isna().all(axis=None)


def test_the_same_difference_in_all_splits_is_untested() -> None:
    results = [invent("one", [0.7, 0.8, 0.9]), invent("other", [0.6, 0.7, 0.8])]
    assert answered(results, ("one", "other"))["answer"].to_list() == [UNTESTED]


def test_an_untested_question_changes_no_other_answer() -> None:
    results = [around(name, 0.8, 0.02) for name in ("a", "bb", "ccc")]
    results.append(invent("gone", [], diverged=3))
    asked = ("a", "bb"), ("gone", "a"), ("bb", "ccc")
    among = answered(results, *asked)
    alone = answered(results, asked[0], asked[2])
    pd.testing.assert_frame_equal(among.drop(index=1).reset_index(drop=True), alone)


def test_the_same_difference_is_shown_after_the_last_epoch() -> None:
    scores = [0.8, 0.82, 0.84, 0.86]
    one = invent("one", scores, last=[0.9, 0.92, 0.9, 0.92])
    other = invent("other", [0.79, 0.82, 0.83, 0.86], last=scores)
    row = answered([one, other], ("one", "other")).iloc[0]
    assert row["effect"] == pytest.approx(0.005)
    assert row["last_effect"] == pytest.approx(0.08)
    assert row["last_low"] < 0.08 < row["last_high"]
    assert row["curve_effect"] == pytest.approx(row["effect"])


def test_on_a_single_split_trainings_are_needed_and_other_epochs_not_compared() -> None:
    results = [
        invent(name, scores, protocol="last")
        for name, scores in (("one", [0.8, 0.86, 0.82]), ("other", [0.78, 0.8, 0.84]))
    ]
    row = answered(results, ("one", "other")).iloc[0]
    assert (row["splits"], row["used"]) == (1, 3)
    assert row["answer"] == OPEN
    assert pd.isna(row["last_effect"])


def test_splits_are_counted_as_used_if_both_variants_were_trained_on_them() -> None:
    some = invent("some", [0.8, 0.9, 0.7], splits=[0, 2, 3], diverged=1)
    row = answered([around("all", 0.8, 0.1), some], ("all", "some")).iloc[0]
    assert (row["splits"], row["used"]) == (10, 3)
