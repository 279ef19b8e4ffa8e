"""plan.json: params.yaml without bases and grids, for DVC.

DVC makes a stage for each entry, and a stage depends on the values of its own entries. It cannot
expand bases and grids, so `rnnbench check`, the first stage, writes the plan, and all other stages
read it. A changed value reaches them in the same `dvc repro`; a changed list of stages does not,
because DVC reads that list before the first stage runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench import models
from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.files import write_text
from rnnbench.core.packages import package_files
from rnnbench.core.root import PLAN
from rnnbench.core.validation import ErrorDetail, child
from rnnbench.params.reader import load_params, validated
from rnnbench.params.schema import Params
from rnnbench.params.studies import study_code

# All values are below this key: DVC's templates would mix them up with those of params.yaml.
_TOP = "plan"
# What the plan has besides the sections of params.yaml: what the templates of dvc.yaml need.
_EXTRA = ("download", "train", "study", "article")
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


def expect_unchanged(params: Params, root: Path, stage: str) -> None:
    """Raise DataError if the plan has other values for a running stage than `params` has.

    DVC records the values of the moment at which a stage ends. stage: as in ``DVC_STAGE``.
    """
    kind, _, name = stage.partition("@")
    section = {"download": "corpora", "preprocess": "datasets"}.get(kind, "variants")

    def of_stage(sections: Mapping[str, Any]) -> Any:
        if not name:
            return dict(sections)
        if kind == "study":
            return sections["run"], sections["comparison"], _study(sections, name)
        return sections["run"], sections[section].get(name)

    if of_stage(_read_sections(root)) != of_stage(_sections(params)):
        raise DataError(f"{PLAN} was written again while {stage} ran; run dvc repro")


def load_plan(path: Path) -> Params:
    """The parameters of a stage, from params.yaml at `path`, or from the plan if DVC runs it.

    So a stage has the values that DVC records for it, even if params.yaml is edited meanwhile.
    Raises DataError or ParamsError.
    """
    if "DVC_STAGE" not in os.environ:
        return load_params(path)
    return validated(_read_sections(path.parent), path.absolute().parent)


def _read_sections(root: Path) -> dict[str, Any]:
    try:
        content = json.loads((root / PLAN).read_text(encoding="utf-8"))[_TOP]
        return {key: value for key, value in content.items() if key not in _EXTRA}
    except OSError as error:
        raise DataError(f"no {PLAN}, which rnnbench check writes; run dvc repro") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{PLAN} is damaged; run rnnbench check, then dvc repro") from error


def _content(params: Params, root: Path) -> dict[str, Any]:
    inputs = {
        name: _dependency(settings.inputs, root, child("corpora", name))
        for name, settings in params.corpora.items()
    }
    code = {
        name: _dependency(
            [root / file for file in (*settings.code, *package_files(settings.model_dump(), root))],
            root,
            child("variants", name),
        )
        for name, settings in params.variants.items()
    }
    studies = {
        name: _dependency(
            [root / file for file in study_code(params, name, root)], root, child("studies", name)
        )
        for name in params.studies
    }
    content = _sections(params)
    return content | {
        "download": {name: {"input": input_} for name, input_ in inputs.items()},
        "train": {
            name: {"dataset": settings.dataset}
            | {"family": models.source(settings.model), "code": code[name]}
            for name, settings in params.variants.items()
        },
        "study": {name: _study(content, name) | {"code": code} for name, code in studies.items()},
        # DVC refuses a dependency that no stage makes.
        "article": {"studies": "metrics/studies" if params.studies else _NONE},
    }


def _study(sections: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a study depends on: its own entry, and that of its variant."""
    entry = sections.get("studies", {}).get(name, {})
    return {"settings": entry, "variant": sections["variants"].get(entry.get("variant"))}


def _sections(params: Params) -> dict[str, Any]:
    """All sections of params.yaml, also the one that may be missing."""
    content: dict[str, Any] = _plain(params.sections)
    return {"studies": {}} | content


def _stages(plan: Any) -> Any:
    """What the stages of a plan follow from."""
    try:
        content = plan[_TOP]
        corpora = {name: entry["corpus"] for name, entry in content["datasets"].items()}
        studies = {name: entry["code"] for name, entry in content["study"].items()}
        return [content["download"], content["train"], studies, corpora]
    except (KeyError, TypeError, AttributeError):
        return None


def _plain(value: Any) -> Any:
    """The value as JSON has it; raises ParamsError if JSON has no such value."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        problem = f"has a value that is no text, finite number or truth value ({error})"
        raise ParamsError("params.yaml", [ErrorDetail("file", problem)]) from error


def _dependency(paths: Sequence[Path], root: Path, key: str) -> str:
    """The one path that DVC watches: that of a file, or of the folder of several ones.

    Raises ParamsError if there is no such folder, or if it has the whole project in it.
    """
    if not paths:
        return _NONE
    root, found = root.absolute(), {Path(os.path.normpath(path)) for path in paths}
    if len(found) > 1:
        found = {path.parent for path in found}
    watched = min(found)
    if len(found) > 1 or root.is_relative_to(watched):
        problem = "DVC watches one path: the files must lie in one folder below the project's"
        raise ParamsError("params.yaml", [ErrorDetail(key, problem)])
    return watched.relative_to(root).as_posix() if watched.is_relative_to(root) else str(watched)
