"""The page about a rerun: what is found again, what is not, and what is reversed."""

import re

import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.report.rerun import (
    FOUND,
    NOT_FOUND,
    REVERSED,
    UNTESTED,
    Run,
    common_means,
    findings,
    write_rerun,
)

_COMPARISON = {
    "corpus": "imdb",
    "target": "binary",
    "loss": 0.4,
    "loss_low": 0.3,
    "loss_high": 0.5,
    "verdict": "",
}


def _pair(first, second, effect, half=0.02, measure="accuracy"):
    low, high = effect - half, effect + half
    if measure == "loss":
        effect, low, high = np.exp([effect, low, high])
    return {
        "first": first,
        "second": second,
        "measure": measure,
        "effect": effect,
        "low": low,
        "high": high,
        # As large as its own interval at 95 %.
        "p": 0.05 if half else 0.0,
        "different": bool(low > 0) if measure == "accuracy" else bool(low > 1),
    }


def _question(answer, effect=0.03, first="a", second="b"):
    return _pair(first, second, effect) | {"question": "Is a better?", "answer": answer}


def _untested():
    """A question as questions.csv has it if it cannot be tested."""
    row = dict.fromkeys(_question("untested"), np.nan)
    kept = ("question", "first", "second", "answer")
    return row | {key: _question("untested")[key] for key in kept}


def _run(pairs=(), questions=(), scores=None):
    scores = scores or {"a": 0.9, "b": 0.8, "c": 0.7}
    rows = [
        _COMPARISON
        | {"variant": name, "accuracy": mean}
        | {"accuracy_low": mean - 0.01, "accuracy_high": mean + 0.01}
        for name, mean in scores.items()
    ]
    columns = [*_pair("a", "b", 0.1), "question", "answer"]
    return Run(
        pd.DataFrame(rows),
        pd.DataFrame(pairs, columns=columns[:-2]),
        pd.DataFrame(questions, columns=columns),
    )


@pytest.mark.parametrize(
    ("later", "outcome"),
    [
        (_pair("a", "b", 0.1), FOUND),
        (_pair("a", "b", 0.01), NOT_FOUND),
        (_pair("b", "a", 0.01), NOT_FOUND),
        (_pair("b", "a", 0.1), REVERSED),
    ],
)
def test_a_significant_pair_is_looked_up_in_the_rerun(later, outcome):
    (found,) = findings(_run([_pair("a", "b", 0.1)]), _run([later])).to_dict("records")
    assert (found["outcome"], found["better"], found["worse"]) == (outcome, "a", "b")


def test_nothing_that_is_open_in_the_first_run_is_a_finding():
    found = findings(_run([_pair("a", "b", 0.01)]), _run([_pair("a", "b", 0.1)]))
    assert found.empty


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (("first", "first"), FOUND),
        (("second", "second"), FOUND),
        (("first", "open"), NOT_FOUND),
        (("first", "equal"), NOT_FOUND),
        (("second", "first"), REVERSED),
    ],
)
def test_answers_are_compared_by_the_better_variant(answers, outcome):
    run, rerun = (_run(questions=[_question(answer)]) for answer in answers)
    (found,) = findings(run, rerun).to_dict("records")
    assert (found["kind"], found["outcome"]) == ("question", outcome)


def test_pairs_that_the_rerun_did_not_test_are_named():
    (found,) = findings(_run([_pair("a", "b", 0.1)]), _run([_pair("a", "c", 0.1)])).to_dict(
        "records"
    )
    assert (found["outcome"], found["better"], found["worse"]) == (UNTESTED, "a", "b")


def test_questions_that_the_rerun_could_not_test_are_named():
    run = _run(questions=[_question("first")])
    for rerun in (_run(questions=[_untested()]), _run()):
        assert findings(run, rerun)["outcome"].tolist() == [UNTESTED]
        assert findings(rerun, run).empty


@pytest.mark.parametrize("measure", ["accuracy", "loss"])
def test_a_finding_at_the_edge_is_expected_again_in_half_of_all_reruns(measure):
    edge, clear = _pair("a", "b", 0.0201, 0.02, measure), _pair("a", "c", 0.2, 0.02, measure)
    # p of an effect of ten half widths, each of 1.96 standard errors.
    clear["p"] = 1e-80
    found = findings(_run([edge, clear]), _run([edge, clear]))
    assert found["expected"].tolist() == pytest.approx([0.5, 1.0], abs=0.02)


def test_means_of_the_rerun_are_held_against_the_intervals_of_the_run():
    rerun = _run(scores={"a": 0.905, "b": 0.75, "other": 0.5})
    means = common_means(_run(), rerun).set_index("variant")
    assert means["covered"].to_dict() == {"a": True, "b": False}
    assert means.loc["b", ["low", "high", "rerun"]].tolist() == pytest.approx([0.79, 0.81, 0.75])


def test_rows_without_an_interval_are_not_counted():
    run = _run()
    run.comparison.loc[0, ["accuracy_low", "accuracy_high"]] = np.nan
    assert "a" not in common_means(run, _run())["variant"].tolist()


def _write(folder, run):
    folder.mkdir()
    for name in ("comparison", "pairs", "questions"):
        getattr(run, name).to_csv(folder / f"{name}.csv", index=False)


def test_the_page_names_what_is_not_found_again(tmp_path):
    pairs = [_pair("a", "b", 0.1), _pair("a", "c", 0.2)]
    _write(tmp_path / "one", _run(pairs, [_question("first")]))
    later = [_pair("a", "b", 0.01), _pair("a", "c", 0.2)]
    _write(tmp_path / "two", _run(later, [_question("open", 0.01)]))
    found = write_rerun(tmp_path / "one", tmp_path / "two", tmp_path / "rerun.md")
    assert found.loc["first", "outcome"].value_counts().to_dict() == {NOT_FOUND: 2, FOUND: 1}
    assert found.loc["second", "outcome"].tolist() == [FOUND]
    page = (tmp_path / "rerun.md").read_text("utf-8")
    assert "- First run: Is a better? (`a`) In the other one: not significant; expected" in page
    assert "- First run: `a` is better than `b`. In the other one: not significant; exp" in page
    assert "`a` is better than `c`" not in page
    assert "Of 4 findings" in page
    assert "states 2 too (50 %), and the opposite of 0**" in page
    (pairs_row,) = (line for line in page.splitlines() if "| pairs " in line and "first" in line)
    assert "| 1 (50 %) " in pairs_row
    assert "| Is a better? | yes: 0.0300 (0.0100 to 0.0500) | open: 0.0100 " in page
    assert "100 % of 3 intervals" in page
    assert (tmp_path / "rerun.svg").stat().st_size > 0


def test_a_question_that_one_run_could_not_test_is_an_answer_without_figures(tmp_path):
    _write(tmp_path / "one", _run(questions=[_question("first")]))
    _write(tmp_path / "two", _run(questions=[_untested()]))
    write_rerun(tmp_path / "one", tmp_path / "two", tmp_path / "rerun.md")
    page = (tmp_path / "rerun.md").read_text("utf-8")
    assert re.search(r"\| Is a better\? +\| yes: 0\.0300 .*\| not tested +\|", page)
    assert "nan" not in page


def test_a_variant_that_diverged_in_one_run_is_named_and_not_counted(tmp_path):
    fine, diverged = _run([_pair("a", "b", 0.1), _pair("a", "c", 0.2)]), _run()
    diverged.pairs.loc[0] = _pair("a", "c", 0.2)
    scores = ["accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high"]
    diverged.comparison.loc[diverged.comparison["variant"] == "b", scores] = np.nan
    for name, runs in (("one", (fine, diverged)), ("two", (diverged, fine))):
        (tmp_path / name).mkdir()
        for folder, run in zip(("run", "rerun"), runs, strict=True):
            _write(tmp_path / name / folder, run)
        page = tmp_path / name / "rerun.md"
        found = write_rerun(tmp_path / name / "run", tmp_path / name / "rerun", page)
        assert found["outcome"].value_counts().to_dict() == {FOUND: 2, UNTESTED: 1}
        text = page.read_text("utf-8")
        assert "Of 2 findings" in text
        assert "| 1 (50 %)" in text
        assert "100 % of 2 intervals" in page.read_text("utf-8")


def test_two_runs_without_findings_say_so(tmp_path):
    for name in ("one", "two"):
        _write(tmp_path / name, _run([_pair("a", "b", 0.01)]))
    assert write_rerun(tmp_path / "one", tmp_path / "two", tmp_path / "rerun.md").empty
    assert "No finding of one run was tested by the other one" in (tmp_path / "rerun.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("comparison", key) for key in ("target", "accuracy_high", "loss", "loss_high")),
        ("pairs", "different"),
        ("questions", "answer"),
    ],
)
def test_a_table_of_another_version_is_refused(tmp_path, table, column):
    _write(tmp_path / "one", _run())
    _write(tmp_path / "two", _run())
    path = tmp_path / "two" / f"{table}.csv"
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"two/{table}\.csv lacks {column};"):
        write_rerun(tmp_path / "one", tmp_path / "two", tmp_path / "rerun.md")


def test_runs_without_a_common_variant_are_refused(tmp_path):
    _write(tmp_path / "one", _run())
    _write(tmp_path / "two", _run(scores={"other": 0.5}))
    with pytest.raises(DataError, match="without any variant"):
        write_rerun(tmp_path / "one", tmp_path / "two", tmp_path / "rerun.md")
