import re

import numpy as np
import pandas as pd
import pytest

from rnnbench.params import Question
from rnnbench.report.evaluation_sets import evaluation_sets
from rnnbench.report.findings import Findings, answers
from rnnbench.report.outputs import EQUAL, FIRST, OPEN, SECOND, UNTESTED
from rnnbench.report.questions import ask
from tests.report.helpers import SETTINGS, invent


def row(variant: str, role: str, score: float, target: str = "binary") -> dict[str, object]:
    return {
        "corpus": "any",
        "evaluation_set": 1,
        "variant": variant,
        "role": role,
        "target": target,
        "accuracy": score,
        "loss": score,
    }


def pair(first: str, second: str, different: bool, effect: float = 0.1) -> dict[str, object]:
    return {
        "first": first,
        "second": second,
        "measure": "accuracy",
        "effect": effect,
        "different": different,
        "detectable": 0.0412,
    }


ROWS = pd.DataFrame(
    [
        row("top", "strong baseline", 0.9),
        row("best", "recurrent network", 0.8),
        row("near", "recurrent network", 0.7),
        row("low", "recurrent network", 0.6),
        row("mean", "baseline", 0.5),
    ]
)
DETECTABLE = "In brackets: the difference that would be found in 80 % of such runs."
PAIRS = pd.DataFrame(
    [
        *(pair("top", other, True) for other in ("best", "near", "low", "mean")),
        pair("best", "near", False),
        *(pair("best", other, True) for other in ("low", "mean")),
        *(pair("near", other, False) for other in ("low", "mean")),
        pair("low", "mean", False),
    ]
)


def question(answer: str, effect: float, low: float, high: float, **changes) -> dict[str, object]:
    return {
        "question": "Is it better?",
        "first": "one",
        "second": "other",
        "measure": "accuracy",
        "answer": answer,
        "effect": effect,
        "low": low,
        "high": high,
        "p_adjusted": 0.0123 if answer in (FIRST, SECOND) else 0.3,
        "detectable": 0.0412,
        "used": 9,
        "needed": 1234,
        "splits": 10,
    } | changes


COMPARED = {"one", "other"}


def text(*columns: object, **changes: object) -> str:
    (found,) = answers(pd.DataFrame([question(*columns, **changes)]), SETTINGS, COMPARED)
    return found["text"]


def test_the_summary_separates_leads_from_ties() -> None:
    assert Findings(ROWS, PAIRS).of_set("any", 1) == [
        "Of all variants, `top` is significantly better than every other.",
        "Of the recurrent networks, `best` ranks first, but is not significantly better than "
        "`near` (0.0412).",
        "Not significantly better than the baseline `mean`: `near` (0.0412) and `low` (0.0412).",
        "6 of 10 pairs are significantly different.",
        DETECTABLE,
    ]


def test_a_leader_without_a_lead_ties_with_all_others() -> None:
    lines = Findings(ROWS, PAIRS.assign(different=False)).of_set("any", 1)
    assert lines[0] == (
        "Of all variants, `top` ranks first, but is not significantly better than `best` (0.0412), "
        "`near` (0.0412), `low` (0.0412) and `mean` (0.0412)."
    )


def test_where_everything_differs_no_bracket_is_explained() -> None:
    lines = Findings(ROWS, PAIRS.assign(different=True)).of_set("any", 1)
    assert lines == [
        "Of all variants, `top` is significantly better than every other.",
        "Of the recurrent networks, `best` is significantly better than every other.",
        "Every network is significantly better than the baseline `mean`.",
        "10 of 10 pairs are significantly different.",
    ]


def without(*untested: tuple[str, str]) -> list[str]:
    """The findings if some pairs cannot be tested, and all others differ."""
    names = PAIRS[["first", "second"]].apply(tuple, axis=1)
    return Findings(ROWS, PAIRS[~names.isin(untested)].assign(different=True)).of_set("any", 1)


def test_nothing_is_said_about_an_untested_pair() -> None:
    lines = without(("top", "low"), ("best", "low"), ("near", "mean"))
    compared = "that could be compared with it"
    assert lines == [
        f"Of all variants, `top` is significantly better than every other {compared}.",
        f"Of the recurrent networks, `best` is significantly better than every other {compared}.",
        f"Every network {compared} is significantly better than the baseline `mean`.",
        "7 of 7 pairs are significantly different.",
    ]


def test_a_variant_without_any_tested_rival_is_no_leader() -> None:
    networks = [(name, "mean") for name in ("best", "near", "low")]
    assert without(("best", "near"), ("best", "low"), *networks) == [
        "Of all variants, `top` is significantly better than every other.",
        "5 of 5 pairs are significantly different.",
    ]


def test_a_variant_that_is_listed_later_can_be_the_better_one() -> None:
    # It has no validation part.
    rows = pd.DataFrame(
        [
            row("chosen", "recurrent network", 0.7),
            row("mean", "baseline", 0.5),
            row("last", "recurrent network", 0.9),
        ]
    )
    pairs = pd.DataFrame(
        [
            pair("chosen", "mean", True),
            pair("chosen", "last", True, -0.2),
            pair("mean", "last", True, -0.4),
        ]
    )
    findings = Findings(rows, pairs)
    assert findings.better("last", "chosen")
    assert not findings.better("chosen", "last")
    assert findings.of_set("any", 1) == [
        "Of all variants, `last` is significantly better than every other.",
        "Every network is significantly better than the baseline `mean`.",
        "3 of 3 pairs are significantly different.",
    ]


def test_of_two_errors_the_lower_is_better() -> None:
    rows = pd.DataFrame(
        [
            row("mean", "baseline", 0.2, "number"),
            row("gru", "recurrent network", 0.1, "number"),
            row("rnn", "recurrent network", 0.3, "number"),
        ]
    )
    pairs = [pair("mean", "gru", True, 0.5), pair("mean", "rnn", True, 1.5)]
    pairs = pd.DataFrame([*pairs, pair("gru", "rnn", True, 3.0)])
    pairs = pairs.assign(measure="loss", detectable=1.2)
    assert Findings(rows, pairs).of_set("any", 1) == [
        "Of all variants, `gru` is significantly better than every other.",
        "Significantly worse than the baseline `mean`: `rnn`.",
        "3 of 3 pairs are significantly different.",
    ]


def test_a_network_below_the_baseline_is_not_better_than_it() -> None:
    rows = pd.DataFrame([row("mean", "baseline", 0.5), row("rnn", "recurrent network", 0.4)])
    findings = Findings(rows, pd.DataFrame([pair("mean", "rnn", True)]))
    expected = "Significantly worse than the baseline `mean`: `rnn`."
    assert findings.of_set("any", 1) == [expected]
    findings = Findings(rows, pd.DataFrame([pair("mean", "rnn", False)]))
    expected = "Not significantly better than the baseline `mean`: `rnn` (0.0412)."
    assert findings.of_set("any", 1) == [expected, DETECTABLE]


@pytest.mark.parametrize("role", ["baseline", "recurrent network"])
def test_a_variant_without_a_pair_has_no_findings(role: str) -> None:
    findings = Findings(pd.DataFrame([row("only", role, 0.5)]), pd.DataFrame(columns=list(PAIRS)))
    assert findings.of_set("any", 1) == []


def test_an_answer_names_the_better_variant_and_by_how_much() -> None:
    assert text(FIRST, 0.05, 0.03, 0.07) == (
        "Yes. `one` is better than `other`: its accuracy is higher by 0.0500 (0.0300 to 0.0700), "
        "p = 0.012."
    )
    assert text(SECOND, -0.05, -0.07, -0.03, p_adjusted=1e-5) == (
        "No. `other` is better than `one`: its accuracy is higher by 0.0500 (0.0300 to 0.0700), "
        "p < 0.001."
    )


def test_the_factor_of_the_better_variant_is_above_1() -> None:
    assert text(FIRST, 4.0, 2.0, 8.0, measure="loss") == (
        "Yes. `one` is better than `other`: its error is smaller by a factor of 4.00 (2.00 to "
        "8.00), p = 0.012."
    )
    assert text(SECOND, 0.25, 0.125, 0.5, measure="loss") == (
        "No. `other` is better than `one`: its error is smaller by a factor of 4.00 (2.00 to "
        "8.00), p = 0.012."
    )


def test_a_significant_difference_within_the_margin_is_called_so() -> None:
    remark = " The difference is within the margin of "
    assert text(FIRST, 0.01, 0.005, 0.015).endswith(f"p = 0.012.{remark}0.02.")
    assert text(SECOND, -0.01, -0.015, -0.005).endswith(f"p = 0.012.{remark}0.02.")
    assert text(FIRST, 1.1, 1.05, 1.2, measure="loss").endswith(f"p = 0.012.{remark}25 %.")
    assert text(SECOND, 1 / 1.1, 1 / 1.2, 0.95, measure="loss").endswith(f"{remark}25 %.")
    assert remark not in text(FIRST, 0.01, 0.005, 0.025)
    assert remark not in text(SECOND, 0.75, 0.7, 0.8, measure="loss")


def test_a_significant_difference_that_may_be_small_is_called_so() -> None:
    assert text(FIRST, 0.015, 0.003, 0.026).endswith(" Whether it is more than 0.02 is open.")
    assert text(SECOND, 0.7, 0.5, 0.9, measure="loss").endswith(
        " Whether it is more than 25 % is open."
    )
    assert "is open" not in text(FIRST, 0.04, 0.021, 0.06)


def test_an_answer_without_a_difference_names_the_margin() -> None:
    assert text(EQUAL, -0.003, -0.01, 0.004) == (
        "No difference of more than 0.02: the accuracy of `one` minus that of `other` is -0.0030 "
        "(-0.0100 to 0.0040)."
    )
    assert text(EQUAL, 1.02, 0.9, 1.1, measure="loss") == (
        "No difference of more than 25 %: the error of `other` divided by that of `one` is 1.02 "
        "(0.90 to 1.10)."
    )


def test_an_open_answer_names_what_would_decide_it() -> None:
    assert text(OPEN, 0.03, -0.01, 0.07) == (
        "Open: the accuracy of `one` minus that of `other` is 0.0300 (-0.0100 to 0.0700), "
        "p = 0.300. These 9 splits find a difference of 0.0412 with a probability of 80 %; "
        "1,234 splits of these data would find the observed one."
    )
    loss = text(OPEN, 1.3, 0.9, 1.9, measure="loss", detectable=1.78, needed=12)
    assert "These 9 splits find a difference of a factor of 1.78" in loss
    assert "; 12 splits of these data would find the observed one." in loss
    single = text(OPEN, 0.03, -0.01, 0.07, splits=1)
    assert "These 9 trainings find" in single
    assert "; 1,234 trainings of these data would find" in single
    hopeless = text(OPEN, 0.03, -0.01, 0.07, needed=pd.NA)
    assert hopeless.endswith("; not even 1,000 splits of these data would find the observed one.")


def test_an_untested_answer_says_why_and_leaves_the_others_unchanged() -> None:
    missing = dict.fromkeys([*question(OPEN, 0.03, -0.01, 0.07)], np.nan)
    untested = missing | {key: question(OPEN, 0, 0, 0)[key] for key in ("first", "second")}
    untested |= {"question": "Is it better?", "answer": UNTESTED}
    rows = pd.DataFrame([untested, question(OPEN, 0.03, -0.01, 0.07)])
    first, second = answers(rows, SETTINGS, COMPARED)
    assert first["state"] == "untested"
    assert first["text"].startswith("Not tested: `one` and `other` have fewer than two splits")
    # The column of counts has numbers with a decimal point beside a missing one.
    assert second["text"] == text(OPEN, 0.03, -0.01, 0.07)


@pytest.mark.parametrize(
    ("compared", "begin"),
    [
        ({"one"}, "Not tested: `other` is not trained"),
        (set(), "Not tested: `one` and `other` are not trained"),
    ],
)
def test_an_answer_names_the_variants_that_are_not_trained(compared: set[str], begin: str) -> None:
    row = {"question": "?", "first": "one", "second": "other", "answer": UNTESTED}
    (found,) = answers(pd.DataFrame([row]), SETTINGS, compared)
    assert found["state"] == "untested"
    assert found["text"].startswith(begin)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((FIRST, 0.03, 0.00001234, 0.06), "0.03000 (0.00001 to 0.06000)"),
        ((OPEN, 0.03, -0.00004, 0.06), "0.03000 (-0.00004 to 0.06000)"),
        ((EQUAL, 0.01, -0.001, 0.019996), "0.010000 (-0.001000 to 0.019996)"),
        ((OPEN, 0.01, -0.001, 0.020004), "0.010000 (-0.001000 to 0.020004)"),
    ],
)
def test_no_bound_is_rounded_to_a_limit(columns: tuple[object, ...], expected: str) -> None:
    assert expected in text(*columns)


@pytest.mark.parametrize(
    ("answer", "ends", "expected"),
    [
        (FIRST, (1.3, 1.003, 2), "1.300 (1.003 to 2.000)"),
        (SECOND, (0.8, 0.5, 0.998), "1.250 (1.002 to 2.000)"),
        (EQUAL, (1.1, 0.9, 1.2496), "1.1000 (0.9000 to 1.2496)"),
        (OPEN, (1.1, 0.9, 1.2504), "1.1000 (0.9000 to 1.2504)"),
    ],
)
def test_no_factor_is_rounded_to_a_limit(
    answer: str, ends: tuple[float, ...], expected: str
) -> None:
    assert expected in text(answer, *ends, measure="loss")


@pytest.mark.parametrize(("p", "shown"), [(0.0499, "0.0499"), (0.04997, "0.04997")])
def test_no_p_is_rounded_to_its_level(p: float, shown: str) -> None:
    assert f"p = {shown}." in text(FIRST, 0.05, 0.03, 0.07, p_adjusted=p)


def test_each_answer_has_its_state() -> None:
    rows = [(FIRST, 0.05, 0.03, 0.07), (SECOND, -0.05, -0.07, -0.03)]
    rows += [(EQUAL, 0.0, -0.01, 0.01), (OPEN, 0.0, -0.1, 0.1)]
    found = answers(pd.DataFrame([question(*columns) for columns in rows]), SETTINGS, COMPARED)
    assert [answer["state"] for answer in found] == ["known", "known", "equal", "open"]


@pytest.mark.parametrize("target", ["binary", "number"])
def test_no_printed_interval_contradicts_the_words_beside_it(target: str) -> None:
    rng = np.random.default_rng(0)
    neutral, margins = (0, (-0.02, 0.02)) if target == "binary" else (1, (1 / 1.25, 1.25))
    pattern = re.compile(r"(\S+) \((\S+) to (\S+?)\)(?:, p ([<=]) ([\d.]+)\.)?")
    seen = dict.fromkeys(("Yes", "No.", "No ", "Open"), 0)
    for _ in range(20):
        spread = rng.choice([0.003, 0.01, 0.03])
        results = []
        for number in range(8):
            noise = spread * rng.standard_normal(10) + rng.choice([0, 0, 0.01, 0.03])
            binary = target == "binary"
            scores = 0.8 + noise if binary else 1e-3 * np.exp(20 * noise)
            protocol = "by_film" if binary else "new"
            options = {"target": target, "protocol": protocol}
            results.append(invent(f"v{number}", list(scores), **options))
        asked = [Question(question="?", variants=["v0", f"v{n}"]) for n in range(1, 8)]
        table = ask(asked, evaluation_sets(results), SETTINGS)
        for answer in answers(table, SETTINGS, {result.name for result in results}):
            said = answer["text"]
            effect, low, high, sign, p = pattern.search(said).groups()
            effect, low, high = (float(end) for end in (effect, low, high))
            assert low <= effect <= high
            kind = next(begin for begin in seen if said.startswith(begin))
            seen[kind] += 1
            if kind in ("Yes", "No."):
                assert low > neutral
                assert sign == "<" or float(p) < 0.05
                assert ("within the margin" in said) == (high < margins[1])
            else:
                assert low <= neutral <= high
                assert (kind == "No ") == (margins[0] < low and high < margins[1])
                assert kind == "No " or float(p) >= 0.05
    assert all(count > 5 for count in seen.values()), seen
