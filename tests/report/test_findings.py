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
        row("top", "strong baseline", "a"),
        row("best", "recurrent network", "b"),
        row("near", "recurrent network", "bc"),
        row("low", "recurrent network", "c"),
        row("mean", "baseline", "c"),
    ]
)
PAIRS = pd.DataFrame(
    [
        *(pair("top", other, True) for other in ("best", "near", "low", "mean")),
        pair("best", "near", False),
        *(pair("best", other, True) for other in ("low", "mean")),
        *(pair("near", other, False) for other in ("low", "mean")),
        pair("low", "mean", False),
    ]
)


def test_the_summary_separates_leads_from_ties() -> None:
    lines = Findings(ROWS, PAIRS).summary("any")
    assert lines == [
        "Of all variants, `top` is significantly better than every other.",
        "Of the recurrent networks, `best` ranks first, but is not significantly different from "
        "`near`.",
        "Not significantly better than the baseline `mean`: `near` and `low`.",
        "6 of 10 pairs are significantly different.",
    ]


def test_a_pair_begins_with_the_better_variant_in_either_order() -> None:
    findings = Findings(ROWS, PAIRS)
    sentence = findings.compared("mean", "best")
    assert sentence == findings.compared("best", "mean")
    assert sentence == (
        "`best` is better than `mean`: accuracy differs by 0.0200 (0.0100 to 0.0300), "
        "Holm's p = 0.012"
    )
    tie = "`best` and `near` are not significantly different"
    assert findings.compared("best", "near").startswith(tie)


def test_of_two_errors_the_lower_is_better() -> None:
    rows = pd.DataFrame([row("gru", "recurrent network", "a"), row("mean", "baseline", "b")])
    findings = Findings(rows, pd.DataFrame([pair("gru", "mean", True, "loss")]))
    assert findings.compared("gru", "mean") == (
        "`gru` is better than `mean`: mean squared error differs by 2.00e-02 "
        "(1.00e-02 to 3.00e-02), Holm's p = 0.012"
    )
    expected = "Every network is significantly better than the baseline `mean`."
    assert findings.summary("any") == [expected]


def test_a_network_below_the_baseline_is_not_better_than_it() -> None:
    rows = pd.DataFrame([row("mean", "baseline", "a"), row("rnn", "recurrent network", "b")])
    findings = Findings(rows, pd.DataFrame([pair("mean", "rnn", True)]))
    expected = "Not significantly better than the baseline `mean`: `rnn`."
    assert findings.summary("any") == [expected]


@pytest.mark.parametrize("role", ["baseline", "recurrent network"])
def test_a_single_variant_has_no_findings(role: str) -> None:
    columns = ["corpus", "first", "second", "different"]
    findings = Findings(pd.DataFrame([row("only", role, "a")]), pd.DataFrame(columns=columns))
    assert findings.summary("any") == []
