"""The page of a study: for every kind of study, complete, in step with the tables, repeatable."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnbench.core.errors import DataError
from rnnbench.report.outputs import FIRST, SECOND
from rnnbench.report.studies.page import analysis_of, answers_of, write_page
from tests.report.studies.invented import analyse, params_of, write

NOISE = np.random.default_rng(3).normal(0, 0.01, 1000)
SCHEDULE = {"class_name": "ExponentialDecay", "config": {"decay_steps": 9, "decay_rate": 0.5}}
CELLS = ["SimpleRNN", "mine.py:MinGRU"]
RATES = [0.001, 0.01, 0.1]


def usual(levels: dict[str, Any], replicate: int) -> float:
    """A score that depends on everything."""
    number = sum(map(ord, str(levels))) + 31 * replicate
    return round(0.6 + 0.001 * (sum(map(ord, str(next(iter(levels.values()))))) % 97), 6) + round(
        float(NOISE[number % 1000]), 6
    )


def never(*_: object) -> None:
    return None


def first_facet_never(levels: dict[str, Any], replicate: int) -> float | None:
    return None if 30 in levels.values() else usual(levels, replicate)


def some_rates_never(levels: dict[str, Any], replicate: int) -> float | None:
    return None if levels["learning_rate"] == 0.1 else usual(levels, replicate)


def one_left(levels: dict[str, Any], replicate: int) -> float | None:
    return usual(levels, replicate) if replicate == 1 or "SimpleRNN" in levels.values() else None


def almost_diverged(levels: dict[str, Any], replicate: int) -> float:
    return 1e300 if replicate else 1e-12


FULL = {"cell": CELLS, "parameters": [30, 90], "learning_rate": RATES}
ONE = FULL | {"parameters": [90]}
# Axes, score, settings of the study, and how its tables are made.
STUDIES: dict[str, tuple[dict[str, list[Any]], Any, dict[str, Any], dict[str, Any]]] = {
    "all": (FULL, usual, {}, {"curve": lambda *_: [0.5, 0.7, 0.69]}),
    "numbers": (ONE, usual, {}, {"numbers": True, "curve": lambda *_: [0.5, 0.2]}),
    "no tuned axis": (ONE, usual, {"tune": []}, {}),
    "no facet": ({"cell": CELLS}, usual, {}, {}),
    "two facets": (ONE | {"depth": [1, 2], "epochs": [7]}, usual, {}, {}),
    "several tuned axes": (FULL, usual, {"tune": ["parameters", "learning_rate"]}, {}),
    "everything tuned": (FULL, usual, {"compare": "parameters", "tune": ["cell"]}, {}),
    "a single level": ({"cell": ["LSTM"], "parameters": [30, 90]}, usual, {}, {}),
    "a single training of each": ({"cell": CELLS}, usual, {}, {"replicates": 1}),
    "a single split": (ONE, usual, {}, {"splits": 1, "protocol": "last"}),
    "a single split of numbers": (ONE, usual, {}, {"splits": 1, "numbers": True}),
    "several seeds a split": (ONE, usual, {}, {"splits": 2, "replicates": 5}),
    "truth values": ({"bidirectional": [True, False], "parameters": [30]}, usual, {}, {}),
    "mappings": ({"cell": CELLS, "learning_rate": [SCHEDULE, 0.1, 0.01]}, usual, {}, {}),
    "compared mappings": ({"cell": ["LSTM", {"LSTM": {"dropout": 0.1}}]}, usual, {}, {}),
    "mixed kinds": ({"layers.0.X.y": [None, True, 2, 0.5, "NA", [1]]}, usual, {}, {}),
    "whole numbers and fractions": ({"learning_rate": [1, 0.1]}, usual, {}, {}),
    "numbers as names": ({"dataset": ["007", "1e3", "nan"]}, usual, {}, {}),
    "names as numbers": ({"cell": CELLS, "dataset": ["7", "null"]}, usual, {}, {}),
    "datasets": ({"cell": CELLS, "dataset": ["a", "b"], "learning_rate": RATES}, usual, {}, {}),
    "lengths": ({"cell": CELLS, "dataset.length": [10, 20]}, usual, {}, {"numbers": True}),
    "compared lengths": ({"dataset.length": [10, 20], "learning_rate": RATES}, usual, {}, {}),
    "units": ({"cell": CELLS, "units": [3]}, usual, {}, {}),
    "compute": ({"cell": CELLS, "compute": [100, 200]}, usual, {}, {}),
    "many levels": ({"epochs": list(range(1, 9))}, usual, {}, {}),
    "no sizes": (ONE, usual, {}, {"size": lambda _: None}),
    "no validation part": ({"cell": CELLS, "depth": [1, 2]}, usual, {}, {"val": never}),
    "a facet diverged": (FULL, first_facet_never, {}, {}),
    "a facet of numbers diverged": (FULL, first_facet_never, {}, {"numbers": True}),
    "a rate diverged": (ONE, some_rates_never, {}, {"numbers": True}),
    "everything diverged": (ONE, never, {}, {}),
    "all numbers diverged": (ONE, never, {}, {"numbers": True}),
    "one training left": (ONE, one_left, {}, {}),
    "one training left of numbers": (ONE, one_left, {}, {"numbers": True}),
    "almost diverged": ({"cell": CELLS}, almost_diverged, {}, {"numbers": True, "replicates": 2}),
    "equal scores": (ONE, lambda *_: 0.75, {}, {}),
    "no error": (ONE, lambda *_: 0.0, {}, {"numbers": True}),
    "one score worse": ({"cell": CELLS}, lambda levels, _: 0.7 + len(levels["cell"]) / 99, {}, {}),
}


REPEATED = ("numbers", "datasets")
# What stands for a missing value, or shows that an object has no text of its own.
WRONG = (" nan", "NaN", "<NA>", "None to", "| None ", " to |", "{{", "np.", "Timestamp")


@pytest.mark.parametrize("kind", STUDIES)
def test_every_kind_of_study_has_a_complete_page(tmp_path: Path, kind: str) -> None:
    axes, score, options, made = STUDIES[kind]
    workspace = write(tmp_path, axes, score, **made)
    params = params_of(axes, **options)
    answers = write_page(workspace, params, "s")
    folder = workspace.study("s")
    page = (folder / "README.md").read_text()
    named = {text for values in axes.values() for text in map(str, values)}
    assert [wrong for wrong in WRONG if wrong in page and wrong.strip(" |") not in named] == []
    assert "\n\n\n\n" not in page
    pictures = {path.name for path in (folder / "pictures").iterdir()}
    assert {name for name in pictures if f"pictures/{name}" in page} == pictures
    for path in (folder / "pictures").iterdir():
        assert ET.fromstring(path.read_bytes()).tag.endswith("svg")
    for answer in answers:
        assert f"- {answer[0].upper()}{answer[1:]}\n" in page
    analysis = analysis_of(workspace, params, "s")
    count = len(list(analysis.facets()))
    weak = analysis.best["better_than_baseline"].eq(False).any()
    doubts = analysis.best["edge"].any() + int(analysis.best["short"].any())
    assert len(answers) == count + weak + doubts + ("learning_rate" not in axes)


@pytest.mark.parametrize("kind", REPEATED)
def test_the_same_tables_give_the_same_bytes(tmp_path: Path, kind: str) -> None:
    axes, score, options, made = STUDIES[kind]
    workspace = write(tmp_path, axes, score, **made)
    found = []
    for _ in range(2):
        write_page(workspace, params_of(axes, **options), "s")
        files = [path for path in workspace.study("s").rglob("*") if path.is_file()]
        found.append({path: path.read_bytes() for path in files})
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", STUDIES)
def test_values_of_axes_survive_the_tables(tmp_path: Path, kind: str) -> None:
    axes, score, options, made = STUDIES[kind]
    analysis = analyse(tmp_path, axes, score, of=options, **made)
    for axis, values in axes.items():
        plain = [v if isinstance(v, str | int | float) else str(v) for v in values]
        assert list(dict.fromkeys(analysis.trainings[axis])) == plain
    facets = [facet for facet, _ in analysis.facets()]
    expected = np.prod([len(axes[axis]) for axis in analysis.study.facets], dtype=int)
    assert len(facets) == expected
    assert len(analysis.best) == expected * len(axes[analysis.study.compared])


def test_the_answers_agree_with_the_tables(tmp_path: Path) -> None:
    axes = {"cell": ["A", "B"], "depth": [1, 2, 3]}
    gaps = {1: 0.2, 2: -0.2, 3: 0.0}

    def score(levels: dict[str, Any], replicate: int) -> float:
        noise = float(NOISE[100 * levels["depth"] + 10 * (levels["cell"] == "A") + replicate])
        return round(0.7 + gaps[levels["depth"]] * (levels["cell"] == "A") + noise, 6)

    workspace = write(tmp_path, axes, score, baseline=0.68)
    answers = write_page(workspace, params_of(axes), "s")
    analysis = analysis_of(workspace, params_of(axes), "s")
    answered = analysis.contrasts["answer"].tolist()
    assert answered[:2] == [FIRST, SECOND]
    assert answered[2] not in (FIRST, SECOND)
    limits, *by_depth = [text for text in answers if "learning rate" not in text]
    assert by_depth[0].startswith("depth 1: accuracy of `A` 0.9")
    assert "`A` is better than `B`: its accuracy is higher by 0." in by_depth[0]
    assert by_depth[1].startswith("depth 2: accuracy of `B` 0.7")
    assert "`B` is better than `A`: its accuracy is higher by 0." in by_depth[1]
    assert "is better than" not in by_depth[2]
    weak = analysis.best[analysis.best["better_than_baseline"].eq(False)]
    assert 0 < len(weak) < len(analysis.best)
    named = [f"`{row['level']}` (depth {row['depth']})" for row in weak.to_dict("records")]
    # What limits the answers comes before them.
    assert limits == f"Not significantly better than the baseline: {'; '.join(named)}."


def test_a_level_that_is_no_name_is_shown_with_its_axis(tmp_path: Path) -> None:
    axes = {"bidirectional": [True, False], "batch_size": [8]}
    workspace = write(tmp_path, axes, lambda levels, r: 0.6 + levels["bidirectional"] / 5 + r / 100)
    rate, answer = write_page(workspace, params_of(axes), "s")
    assert rate.startswith("All have one learning rate, that of `")
    assert answer.startswith("batch size 8: accuracy of `bidirectional True` 0.8")


def test_a_level_alone_has_a_score_and_no_difference(tmp_path: Path) -> None:
    workspace = write(tmp_path, {"cell": ["A"]}, lambda _, r: 0.9 + r / 100)
    _, answer = write_page(workspace, params_of({"cell": ["A"]}), "s")
    assert answer.startswith("accuracy of `A` 0.9150 (")
    assert answer.count(".") == answer.count("0.") + 1


def test_the_page_says_what_one_edge_may_hide_and_what_diverged(tmp_path: Path) -> None:
    axes, score, *_ = STUDIES["a rate diverged"]
    workspace = write(tmp_path, axes, score, val=lambda levels, _: levels["learning_rate"])
    write_page(workspace, params_of(axes), "s")
    page = (workspace.study("s") / "README.md").read_text()
    assert "8 trainings diverged." in page
    assert "lie beyond" not in page
    # With smaller rates, the largest one is an edge.
    axes = axes | {"learning_rate": [0.001, 0.005, 0.01]}
    workspace = write(tmp_path / "other", axes, score)
    trainings = pd.read_csv(workspace.study("s") / "trainings.csv")
    trainings["val_accuracy"] = trainings["learning_rate"]
    trainings.to_csv(workspace.study("s") / "trainings.csv", index=False)
    write_page(workspace, params_of(axes), "s")
    page = (workspace.study("s") / "README.md").read_text()
    assert "diverged" not in page
    assert "Best learning rate at the edge of what was tried: `SimpleRNN`; `MinGRU`." in page


def test_pairs_that_cannot_be_tested_stay_without_figures(tmp_path: Path) -> None:
    axes, score, *_ = STUDIES["a facet diverged"]
    workspace = write(tmp_path, axes, score)
    write_page(workspace, params_of(axes), "s")
    page = (workspace.study("s") / "README.md").read_text()
    (row,) = (line for line in page.splitlines() if "not tested" in line)
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "30",
        *CELLS,
        "not tested",
        "",
        "",
        "",
    ]


def test_a_table_rounds_no_interval_across_no_difference(tmp_path: Path) -> None:
    def score(levels: dict[str, Any], replicate: int) -> float:
        gap = 0.00004 if levels["cell"] == "A" else 0
        return 0.5 + gap + 1e-6 * NOISE[replicate + 10 * (levels["cell"] == "A")]

    axes = {"cell": ["A", "B"]}
    workspace = write(tmp_path, axes, score)
    write_page(workspace, params_of(axes), "s")
    assert analysis_of(workspace, params_of(axes), "s").contrasts["answer"].tolist() == [FIRST]
    page = (workspace.study("s") / "README.md").read_text()
    assert "0.00004 (0.00004 to 0.00004)" in page


@pytest.mark.parametrize("damage", ["missing", "column", "axis", "value", "empty"])
def test_tables_that_do_not_fit_the_study_say_what_to_run(tmp_path: Path, damage: str) -> None:
    axes = {"cell": CELLS, "depth": [1]}
    workspace = write(tmp_path, axes, usual)
    path = workspace.study("s") / "trainings.csv"
    table = pd.read_csv(path)
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_text("")
    else:
        gone = {"column": "loss", "axis": "depth"}.get(damage)
        table = table.drop(columns=gone) if gone else table.assign(depth=3)
        table.to_csv(path, index=False)
    with pytest.raises(DataError, match="run rnnbench study s"):
        write_page(workspace, params_of(axes), "s")


def test_answers_carry_what_may_still_change_them(tmp_path: Path) -> None:
    axes = {"cell": ["A", "B"], "learning_rate": [0.001, 0.01, 0.1]}

    def best_in_the_middle(levels: dict, _: int) -> float:
        return 0.8 if levels["learning_rate"] == 0.01 else 0.7

    calm = write(tmp_path / "calm", axes, lambda *_: 0.8, val=best_in_the_middle)
    edge = write(tmp_path / "edge", axes, lambda *_: 0.8, val=lambda v, _: v["learning_rate"])
    marks = [
        [answer for answer in write_page(workspace, params_of(axes), "s") if "edge" in answer]
        for workspace in (calm, edge)
    ]
    assert marks == [[], ["Best learning rate at the edge of what was tried: `A`; `B`."]]


def test_a_study_of_which_combinations_are_missing_is_refused(tmp_path: Path) -> None:
    workspace = write(tmp_path, {"cell": ["A", "B"]}, lambda *_: 0.8)
    wider = {"cell": ["A", "B", "C"]}
    with pytest.raises(DataError, match="2 of 3 combinations"):
        analysis_of(workspace, params_of(wider), "s")
    assert answers_of(workspace, params_of(wider), "s") == []


def test_many_differences_are_listed_by_winner_without_figures(tmp_path: Path) -> None:
    order = {"A": 0.9, "B": 0.8, "some.cells:C": 0.6, "D": 0.5, "E": 0.3}
    axes = {"cell": list(order)}

    def score(levels: dict[str, Any], replicate: int) -> float:
        place = 10 * axes["cell"].index(levels["cell"]) + replicate
        return round(order[levels["cell"]] + float(NOISE[place]) / 10, 6)

    workspace = write(tmp_path, axes, score, baseline=0.5)
    text = " ".join(write_page(workspace, params_of(axes), "s"))
    assert "`A` is better than `B`, `C`, `D`, `E`." in text
    assert "its accuracy is higher" not in text
