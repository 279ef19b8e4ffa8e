"""plan.json: params.yaml without bases and grids, for DVC.

DVC makes a stage for each entry, and a stage depends on the values of its own entries. It cannot
expand bases and grids, so `rnnbench check`, the first stage, writes the plan, and all other stages
read it. A changed value reaches them in the same `dvc repro`; a changed list of stages does not,
because DVC reads that list before the first stage runs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.files import write_text
from rnnbench.core.root import PLAN
from rnnbench.core.validation import ErrorDetail, child
from rnnbench.params.reader import load_params, validated
from rnnbench.params.schema import Params

# All values are below this key: DVC's templates would mix them up with those of params.yaml.
_TOP = "plan"
# What the plan has besides the sections of params.yaml: what the templates of dvc.yaml need.
_EXTRA = ("download", "train")
# A dependency that all stages have: of those that need no further one.
_NONE = "data/checked"


def write_plan(params: Params, root: Path) -> bool:
    """Write plan.json; returns whether that replaced one with other stages.

    Raises ParamsError if a stage would depend on the whole project.
    """
    path = root / PLAN
    content = _content(params, root)
    text = json.dumps({_TOP: content}, indent=1, ensure_ascii=False) + "\n"
    try:
        before: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = None
    if before != {_TOP: content}:
        write_text(path, text)
    return before is not None and _stages(before) != _stages({_TOP: content})


def load_plan(path: Path) -> Params:
    """The parameters of a stage, from params.yaml at `path`, or from the plan if DVC runs it.

    So a stage has the values that DVC records for it, even if params.yaml is edited meanwhile.
    Raises DataError or ParamsError.
    """
    if "DVC_STAGE" not in os.environ:
        return load_params(path)
    try:
        content = json.loads((path.parent / PLAN).read_text(encoding="utf-8"))[_TOP]
        sections = {key: value for key, value in content.items() if key not in _EXTRA}
    except OSError as error:
        raise DataError(f"no {PLAN}, which rnnbench check writes; run dvc repro") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{PLAN} is damaged; run rnnbench check, then dvc repro") from error
    return validated(sections, path.absolute().parent)


def _content(params: Params, root: Path) -> dict[str, Any]:
    inputs = {
        name: _dependency(settings.inputs, root, child("corpora", name))
        for name, settings in params.corpora.items()
    }
    code = {
        name: _dependency([root / file for file in settings.code], root, child("variants", name))
        for name, settings in params.variants.items()
    }
    content: dict[str, Any] = _plain(params.sections)
    return content | {
        "download": {name: {"input": input_} for name, input_ in inputs.items()},
        "train": {
            name: {"dataset": settings.dataset, "model": settings.model, "code": code[name]}
            for name, settings in params.variants.items()
        },
    }


def _stages(plan: Any) -> Any:
    """What the stages of a plan follow from."""
    try:
        content = plan[_TOP]
        corpora = {name: entry["corpus"] for name, entry in content["datasets"].items()}
        return [*(content[key] for key in _EXTRA), corpora]
    except (KeyError, TypeError, AttributeError):
        return None


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    return json.loads(json.dumps(value))


def _dependency(paths: Any, root: Path, key: str) -> str:
    """The one path that DVC watches: that of a file, or of the folder of several ones."""
    if not paths:
        return _NONE
    root = root.absolute()
    common = Path(os.path.commonpath(paths))
    if common.is_relative_to(root):
        if common == root:
            problem = "its files need a folder of their own: DVC would watch the whole project"
            raise ParamsError("params.yaml", [ErrorDetail(key, problem)])
        return common.relative_to(root).as_posix()
    return str(common)
