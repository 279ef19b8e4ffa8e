"""plan.json: what DVC makes stages of."""

import json
from pathlib import Path

import pytest
import yaml

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.params import expect_unchanged, load_params, load_plan, write_plan
from tests.params.test_expansion import PLAN


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    file = tmp_path / "params.yaml"
    file.write_text(PLAN)
    return file


def edit(file: Path, section: str, name: str, entry: dict[str, object]) -> None:
    plan = yaml.safe_load(file.read_text())
    plan[section].setdefault(name, {}).update(entry)
    file.write_text(yaml.safe_dump(plan, sort_keys=False))


def write(file: Path) -> bool:
    return write_plan(load_params(file), file.parent)


def test_a_stage_reads_what_was_planned(params_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(params_file, "variants", "g", {"base": "lstm", "grid": {"epochs": [1, 2]}})
    planned = load_params(params_file)
    write(params_file)
    edit(params_file, "variants", "lstm", {"epochs": 9})
    assert load_plan(params_file).variants["lstm"].epochs == 9
    monkeypatch.setenv("DVC_STAGE", "train@lstm")
    assert load_plan(params_file) == planned


@pytest.mark.parametrize(
    ("section", "name", "entry", "structural"),
    [
        ("variants", "lstm", {"epochs": 4}, False),
        ("run", "seed", {}, False),
        ("variants", "new", {"base": "lstm"}, True),
        ("variants", "lstm", {"dataset": "long"}, True),
        ("datasets", "long", {"corpus": "product"}, True),
        ("datasets", "long", {"train": 9}, False),
        ("corpora", "third", {"kind": "product"}, True),
    ],
)
def test_only_another_list_of_stages_needs_a_second_run(
    params_file: Path, section: str, name: str, entry: dict[str, object], structural: bool
) -> None:
    assert not write(params_file)
    if section == "run":
        params_file.write_text(params_file.read_text().replace("seed: 1", "seed: 2"))
    else:
        edit(params_file, section, name, entry)
    assert write(params_file) == structural
    assert not write(params_file)


def test_an_unchanged_plan_is_not_written_again(params_file: Path) -> None:
    write(params_file)
    plan = params_file.with_name("plan.json")
    plan.chmod(0o444)
    before = plan.stat()
    write(params_file)
    assert (before.st_ino, before.st_mtime_ns) == (plan.stat().st_ino, plan.stat().st_mtime_ns)


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"plan": [1]}'])
def test_a_stage_without_a_usable_plan_says_what_to_do(
    params_file: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setenv("DVC_STAGE", "train@lstm")
    if content is not None:
        params_file.with_name("plan.json").write_text(content)
    with pytest.raises((DataError, ParamsError), match=r"rnnbench check|is missing"):
        load_plan(params_file)


def test_the_plan_is_plain_json_without_bases_and_grids(params_file: Path) -> None:
    edit(params_file, "variants", "g", {"base": "lstm", "grid": {"epochs": [1, 2]}})
    write(params_file)
    plan = json.loads(params_file.with_name("plan.json").read_text())["plan"]
    assert plan["variants"]["g-epochs-2"] == plan["variants"]["lstm"] | {"epochs": 2}
    assert plan["datasets"]["long"]["train"] == 8
    assert set(plan["train"]) == set(plan["variants"])


def test_a_training_waits_for_the_code_of_all_families_that_it_combines(params_file: Path) -> None:
    edit(params_file, "variants", "two", {"base": "lstm", "model": "ensemble", "members": 2})
    write(params_file)
    train = json.loads(params_file.with_name("plan.json").read_text())["plan"]["train"]
    assert train["lstm"]["family"] == "models/keras"
    assert train["two"]["family"] == "models"


@pytest.mark.parametrize(
    ("edited", "stage", "changed"),
    [
        ("lstm", "train@lstm", True),
        ("lstm", "train@other", False),
        ("lstm", "preprocess@short", False),
        ("lstm", "report", True),
    ],
)
def test_a_stage_whose_values_change_while_it_runs_fails(
    params_file: Path, edited: str, stage: str, changed: bool
) -> None:
    edit(params_file, "variants", "other", {"base": "lstm", "epochs": 5})
    write(params_file)
    running = load_params(params_file)
    expect_unchanged(running, params_file.parent, stage)
    edit(params_file, "variants", edited, {"epochs": 9})
    write(params_file)
    if changed:
        with pytest.raises(DataError, match="was written again while"):
            expect_unchanged(running, params_file.parent, stage)
    else:
        expect_unchanged(running, params_file.parent, stage)


TABLE = "{kind: table, path: %s, text: t, label: l, out_of_domain: {other: %s}}"


@pytest.mark.parametrize(
    ("path", "other", "watched"),
    [
        ("texts/a.csv", "texts/b.csv", "texts"),
        ("texts/a.csv", "texts/a.csv", "texts/a.csv"),
        ("/data/a.csv", "/data/b.csv", "/data"),
        ("a.csv", "b.csv", None),
        ("texts/a.csv", "b.csv", None),
        ("texts/a.csv", "/data/b.csv", None),
        ("../a.csv", "../b.csv", None),
        ("/home/u/a.csv", "/home/v/b.csv", None),
    ],
)
def test_dvc_watches_one_file_or_one_folder(
    params_file: Path, path: str, other: str, watched: str | None
) -> None:
    plan = yaml.safe_load(params_file.read_text())
    plan["corpora"]["mine"] = yaml.safe_load(TABLE % (path, other))
    params_file.write_text(yaml.safe_dump(plan))
    if watched is None:
        with pytest.raises(ParamsError, match=r"corpora\.mine: DVC watches one path"):
            write(params_file)
    else:
        write(params_file)
        found = json.loads(params_file.with_name("plan.json").read_text())["plan"]
        assert found["download"]["mine"] == {"input": watched}


@pytest.mark.parametrize("value", [".inf", "2026-01-01", "!!set {a}"])
def test_a_value_that_json_lacks_is_an_error_of_params_yaml(params_file: Path, value: str) -> None:
    text = params_file.read_text().replace("dropout: 0.1", f"dropout: {value}")
    params_file.write_text(text)
    with pytest.raises(ParamsError):
        write(params_file)


# Studies

STUDIES = """
rates: {question: "Which?", variant: lstm, axes: {learning_rate: [0.1, 0.2]}}
cells: {base: rates, axes: {cell: [LSTM, GRU]}}
others: {base: rates, variant: other}
"""


@pytest.fixture
def studies_file(params_file: Path) -> Path:
    plan = yaml.safe_load(params_file.read_text())
    plan["datasets"]["short"]["validation"] = 4
    plan["variants"]["other"] = {"base": "lstm"} | plan["variants"]["lstm"]
    plan["studies"] = yaml.safe_load(STUDIES)
    params_file.write_text(yaml.safe_dump(plan, sort_keys=False))
    return params_file


def planned(file: Path) -> dict[str, object]:
    """What each stage of a study depends on."""
    write(file)
    found: dict[str, object] = json.loads(file.with_name("plan.json").read_text())["plan"]["study"]
    return found


@pytest.mark.parametrize(
    ("section", "name", "entry", "changed"),
    [
        ("studies", "cells", {"axes": {"cell": ["LSTM"]}}, {"cells"}),
        ("studies", "rates", {"replicates": 5}, {"rates", "cells", "others"}),
        ("studies", "rates", {"axes": {"learning_rate": [0.1]}}, {"rates", "others"}),
        ("variants", "lstm", {"epochs": 9}, {"rates", "cells"}),
        ("variants", "other", {"epochs": 9}, {"others"}),
        ("published", "lstm", {"samples": 11}, set()),
    ],
)
def test_an_edit_reaches_the_studies_that_it_concerns(
    studies_file: Path, section: str, name: str, entry: dict[str, object], changed: set[str]
) -> None:
    before = planned(studies_file)
    edit(studies_file, section, name, entry)
    assert not write(studies_file)
    after = planned(studies_file)
    assert {study for study in before if before[study] != after[study]} == changed
    assert list(before) == list(after) == ["rates", "cells", "others"]


def test_a_new_or_removed_study_changes_the_list_of_stages(studies_file: Path) -> None:
    write(studies_file)
    edit(studies_file, "studies", "new", {"base": "rates"})
    assert write(studies_file)
    plan = yaml.safe_load(studies_file.read_text())
    del plan["studies"]["cells"]
    studies_file.write_text(yaml.safe_dump(plan, sort_keys=False))
    assert write(studies_file)
    assert list(planned(studies_file)) == ["rates", "others", "new"]


def test_a_study_waits_for_the_files_of_its_cells(studies_file: Path) -> None:
    cells = ["LSTM", "cells/a.py:A", "cells/b.py:B"]
    codes = {}
    for number in (1, 2, 3):
        edit(studies_file, "studies", "cells", {"axes": {"cell": cells[:number]}})
        codes[number] = planned(studies_file)["cells"]["code"]
    assert codes == {1: "data/checked", 2: "cells/a.py", 3: "cells"}
    assert planned(studies_file)["rates"]["code"] == "data/checked"


@pytest.mark.parametrize(
    ("section", "name", "entry", "stage", "changed"),
    [
        ("studies", "cells", {"replicates": 5}, "study@cells", True),
        ("studies", "cells", {"replicates": 5}, "study@rates", False),
        ("studies", "cells", {"replicates": 5}, "train@lstm", False),
        ("variants", "lstm", {"epochs": 9}, "study@cells", True),
        ("variants", "other", {"epochs": 9}, "study@cells", False),
        ("comparison", "margin", {}, "study@cells", True),
    ],
)
def test_a_study_whose_values_change_while_it_runs_fails(
    studies_file: Path, section: str, name: str, entry: dict[str, object], stage: str, changed: bool
) -> None:
    write(studies_file)
    running = load_params(studies_file)
    if section == "comparison":
        studies_file.write_text(studies_file.read_text().replace("margin: 0.02", "margin: 0.03"))
    else:
        edit(studies_file, section, name, entry)
    write(studies_file)
    if changed:
        with pytest.raises(DataError, match="was written again while"):
            expect_unchanged(running, studies_file.parent, stage)
    else:
        expect_unchanged(running, studies_file.parent, stage)
