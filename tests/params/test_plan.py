"""plan.json: what DVC makes stages of."""

import json
from pathlib import Path

import pytest
import yaml

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.params import load_params, load_plan, write_plan
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
