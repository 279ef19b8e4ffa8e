import pandas as pd
import pytest

from rnnbench.report.findings import Findings


def row(variant: str, role: str, group: str) -> dict[str, object]:
    return {
        "corpus": "any",
        "evaluation_set": 1,
        "evaluation_samples": 400,
        "variant": variant,
        "role": role,
        "group": group,
    }


def pair(first: str, second: str, different: bool, measure: str = "accuracy") -> dict[str, object]:
    sign = -1 if measure == "loss" else 1
    return {
        "corpus": "any",
        "measure": measure,
        "first": first,
        "second": second,
        "difference": sign * 0.02,
        "low": sign * 0.01 if sign > 0 else -0.03,
        "high": 0.03 if sign > 0 else -0.01,
        "p_holm": 0.0123 if different else 1.0,
        "different": different,
    }


ROWS = pd.DataFrame(
    [
        row("top", "ceiling", "a"),
        row("best", "recurrent network", "b"),
        row("near", "recurrent network", "bc"),
        row("low", "recurrent network", "c"),
        row("floor", "floor", "c"),
    ]
)
PAIRS = pd.DataFrame(
    [
        *(pair("top", other, True) for other in ("best", "near", "low", "floor")),
        pair("best", "near", False),
        *(pair("best", other, True) for other in ("low", "floor")),
        *(pair("near", other, False) for other in ("low", "floor")),
        pair("low", "floor", False),
    ]
)


def test_ties_are_called_ties() -> None:
    lines = Findings(ROWS, PAIRS).summary("any")
    assert lines == [
        "Of all variants, `top` is the best, and its lead on each other one is real.",
        "Of the recurrent networks, `best` comes first, but cannot be told apart from `near`.",
        "Not shown to be better than the floor `floor`: `near` and `low`.",
        "6 of 10 pairs can be told apart.",
    ]


def test_a_pair_is_told_the_better_one_first_whichever_is_asked_for() -> None:
    findings = Findings(ROWS, PAIRS)
    told = findings.compared("floor", "best")
    assert told == findings.compared("best", "floor")
    assert told == (
        "`best` is better than `floor`: accuracy differs by 0.0200 (0.0100 to 0.0300), p = 0.012"
    )
    assert findings.compared("best", "near").startswith("`best` and `near` cannot be told apart")


def test_of_two_errors_the_lower_is_better() -> None:
    rows = pd.DataFrame([row("gru", "recurrent network", "a"), row("mean", "floor", "b")])
    findings = Findings(rows, pd.DataFrame([pair("gru", "mean", True, "loss")]))
    assert findings.compared("gru", "mean") == (
        "`gru` is better than `mean`: mean squared error differs by 2.00e-02 "
        "(1.00e-02 to 3.00e-02), p = 0.012"
    )
    assert findings.summary("any") == ["Every network is better than the floor `mean`."]


def test_a_network_behind_the_floor_is_not_better_than_it() -> None:
    rows = pd.DataFrame([row("mean", "floor", "a"), row("rnn", "recurrent network", "b")])
    findings = Findings(rows, pd.DataFrame([pair("mean", "rnn", True)]))
    assert findings.summary("any") == ["Not shown to be better than the floor `mean`: `rnn`."]


@pytest.mark.parametrize("role", ["floor", "recurrent network"])
def test_one_variant_alone_says_nothing(role: str) -> None:
    columns = ["corpus", "first", "second", "different"]
    findings = Findings(pd.DataFrame([row("only", role, "a")]), pd.DataFrame(columns=columns))
    assert findings.summary("any") == []
