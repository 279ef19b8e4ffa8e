"""Rows that were trained with other values than params.yaml has now, by what DVC has recorded."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnnbench.report.lock import Lock
from tests.frozen import PARAMS

NAME, DATASET = "imdb_embedding_lstm", "imdb_index_1000"
SECTIONS = PARAMS.sections


def recorded() -> dict[str, Any]:
    """The stages of `NAME`, as DVC records them after a run with the frozen parameters."""

    def stage(params: dict[str, Any], inner: str, out: str) -> dict[str, Any]:
        return {
            "params": {"plan.json": params},
            "deps": [{"path": inner, "md5": f"{inner}-1"}],
            "outs": [{"path": out, "md5": f"{out}-1"}],
        }

    run = {"plan.run": SECTIONS["run"]}
    raw, prepared = "data/raw/imdb", f"data/prepared/{DATASET}"
    variant = {f"plan.variants.{NAME}": SECTIONS["variants"][NAME]}
    dataset = {f"plan.datasets.{DATASET}": SECTIONS["datasets"][DATASET]}
    return {
        f"train@{NAME}": stage(run | variant, prepared, f"models/{NAME}"),
        f"preprocess@{DATASET}": stage(run | dataset, raw, prepared),
        "download@imdb": stage(
            {"plan.corpora.imdb": SECTIONS["corpora"]["imdb"]}, "data/checked", raw
        ),
    }


def is_stale(folder: Path, stages: dict[str, Any]) -> bool:
    lock = {"schema": "2.0", "stages": stages}
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    return Lock(folder).is_stale(PARAMS, NAME)


def test_what_dvc_has_run_with_these_parameters_is_not_stale(tmp_path: Path) -> None:
    assert not is_stale(tmp_path, recorded())


def test_without_a_lock_nothing_is_known(tmp_path: Path) -> None:
    assert not Lock(tmp_path).is_stale(PARAMS, NAME)
    (tmp_path / "dvc.lock").write_text("stages:\n  tr")
    assert not Lock(tmp_path).is_stale(PARAMS, NAME)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[f"train@{NAME}"]["params"]["plan.json"]["plan.run"].update(seed=77),
        lambda s: s[f"train@{NAME}"]["params"]["plan.json"][f"plan.variants.{NAME}"].update(
            epochs=1
        ),
        lambda s: s[f"preprocess@{DATASET}"]["params"]["plan.json"][
            f"plan.datasets.{DATASET}"
        ].update(length=4),
        lambda s: s["download@imdb"]["params"]["plan.json"]["plan.corpora.imdb"].update(source="x"),
        lambda s: s[f"preprocess@{DATASET}"]["outs"][0].update(md5="another"),
        lambda s: s["download@imdb"]["outs"][0].update(md5="another"),
        lambda s: s.pop(f"preprocess@{DATASET}"),
    ],
    ids=["run", "variant", "dataset", "corpus", "prepared again", "fetched again", "removed"],
)
def test_a_change_since_the_training_makes_it_stale(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    stages = copy.deepcopy(recorded())
    change(stages)
    assert is_stale(tmp_path, stages)


def test_an_edited_layer_makes_it_stale(tmp_path: Path) -> None:
    file = tmp_path / "cells.py"
    file.write_text("one")
    entry = SECTIONS["variants"][NAME] | {"layers": [{"cells.py:Cell": {"units": 2}}]}
    settings = PARAMS.variants[NAME].model_copy(update={"layers": entry["layers"]})
    sections = SECTIONS | {"variants": SECTIONS["variants"] | {NAME: entry}}
    params = replace(PARAMS, variants={NAME: settings}, sections=sections)
    stages = recorded()
    train = stages[f"train@{NAME}"]
    train["params"]["plan.json"][f"plan.variants.{NAME}"] = entry
    digest = hashlib.md5(b"one").hexdigest()
    train["deps"].append({"path": "cells.py", "md5": digest})
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    assert not Lock(tmp_path).is_stale(params, NAME)
    file.write_text("two")
    assert Lock(tmp_path).is_stale(params, NAME)
