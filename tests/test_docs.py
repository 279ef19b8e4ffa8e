import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.frozen import PARAMS_FILE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize(
    ("script", "page"), [("params", "params.md"), ("params_schema", "params.schema.json")]
)
def test_generated_pages_follow_the_settings(
    monkeypatch: pytest.MonkeyPatch, script: str, page: str
) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs")
    generated = runpy.run_path(str(ROOT / "docs" / f"{script}.py"))["page"]()
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generated, "run make docs"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads((ROOT / "docs" / "params.schema.json").read_bytes())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


EXAMPLE = ROOT / "docs" / "examples" / "params.yaml"


@pytest.mark.parametrize("file", [ROOT / "params.yaml", PARAMS_FILE], ids=str)
def test_valid_files_follow_the_schema(validator: jsonschema.Draft7Validator, file: Path) -> None:
    errors = validator.iter_errors(yaml.safe_load(file.read_bytes()))
    assert [error.message[:200] for error in errors] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.pop("run"),
        lambda p: p.update(variant={}),
        lambda p: p["run"].update(seed="a"),
        lambda p: p["corpora"]["tickets"].update(txt="text"),
        lambda p: p["corpora"]["tickets"].pop("path"),
        lambda p: p["datasets"]["tickets"].update(encoding="onehot"),
        lambda p: p["variants"]["tickets_gru"].update(epoch=3),
        lambda p: p["variants"]["tickets_gru"].pop("epochs"),
        lambda p: p["variants"]["tickets_gru"].update(layers=["LSTMM"]),
        lambda p: p["variants"]["tickets_gru"].update(layers=[{"LSTM": {"unit": 8}}]),
        lambda p: p["variants"]["tickets_gru"].update(optimizer={"Adam": {"rate": 1}}),
        lambda p: p["variants"]["parity_gru"].update(grid={"epochs": 3}),
        lambda p: p["questions"][0].update(variants=["a"]),
    ],
)
def test_errors_break_the_schema(
    validator: jsonschema.Draft7Validator, spoil: Callable[[dict[str, Any]], None]
) -> None:
    params = yaml.safe_load(EXAMPLE.read_bytes())
    # The schema knows the families and corpora of this package only.
    del params["variants"]["tickets_naive_bayes"], params["corpora"]["parity"]
    assert validator.is_valid(params)
    spoil(params)
    assert not validator.is_valid(params)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
