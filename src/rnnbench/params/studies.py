"""Studies: the variants that the axes of a study describe, in all combinations of their values."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnbench.core.errors import ParamsError
from rnnbench.core.packages import package_files
from rnnbench.core.validation import ErrorDetail, child, pydantic_errors, shown, unknown
from rnnbench.models.keras.network import name_and_arguments
from rnnbench.models.probe import probe_meta
from rnnbench.models.recurrent import units_for, with_recurrent_layers
from rnnbench.params.expansion import DATASET_AXIS, derived_dataset, set_value
from rnnbench.params.schema import BUDGETS, RECURRENT_AXES, Params, Study

MAX_TRAININGS = 100_000


@dataclass(frozen=True)
class Trial:
    """One combination of the values of a study's axes.

    levels: axis -> its value, as params.yaml has it.
    entry: the settings of its variant, as in params.yaml; if there is a `budget`, for one unit.
    """

    levels: dict[str, Any]
    entry: dict[str, Any]

    @property
    def budget(self) -> tuple[str, int] | None:
        """The field of `rnnbench.models.recurrent.Size` that an axis limits, and its value."""
        found = [axis for axis in BUDGETS if axis in self.levels]
        return (BUDGETS[found[0]], self.levels[found[0]]) if found else None

    def layers(self, units: int) -> list[Any]:
        """The layers of its variant with so many units."""
        return with_recurrent_layers(self.entry["layers"], units=units)


def study_variants(params: Params, name: str) -> list[Trial]:
    """All combinations of the axes of study `name`, in their order.

    Raises ParamsError for an axis that its variant cannot have, and UnknownNameError.
    """
    study, key = params.study(name), child("studies", name)
    replicates = study.replicates or params.run.replicates
    count = math.prod(map(len, study.axes.values())) * replicates
    if count > MAX_TRAININGS:
        raise _error(f"{key}.axes", f"{count:,} trainings", f"up to {MAX_TRAININGS:,}")
    variant = params.sections["variants"][study.variant]
    found = []
    for values in itertools.product(*study.axes.values()):
        levels = dict(zip(study.axes, values, strict=True))
        try:
            entry = _entry(levels, variant, f"{key}.axes")
        # Of values that are no layer or no optimizer.
        except (AttributeError, TypeError, ValueError) as error:
            raise _error(f"{key}.axes", f"cannot be combined ({error})") from error
        changes = {k: v for k, v in levels.items() if k.startswith(DATASET_AXIS)}
        if changes and entry["dataset"] in params.datasets:
            entry["dataset"], _ = derived_dataset(
                params.sections["datasets"], entry["dataset"], changes
            )
        found.append(Trial(levels, entry))
    return found


def study_code(params: Params, name: str, root: Path) -> tuple[str, ...]:
    """The files of the project that the layers of a study come from, relative to its `root`."""
    schema = type(params.variant(params.study(name).variant))
    entries = [trial.entry for trial in study_variants(params, name)]
    files = {file for entry in entries for file in schema.model_validate(entry).code}
    return tuple(sorted(files.union(*(package_files(entry, root) for entry in entries))))


def study_errors(params: Params, context: dict[str, Any], ask_libraries: bool) -> list[ErrorDetail]:
    """The errors of all studies; context, ask_libraries: as for the variants themselves."""
    found: list[ErrorDetail] = []
    for name, study in params.studies.items():
        try:
            combinations = study_variants(params, name)
        except ParamsError as error:
            found += error.errors
            continue
        # Combinations share most errors.
        seen: dict[str, ErrorDetail] = {}
        for trial in combinations:
            key = child(f"studies.{name}", ", ".join(f"{k} {v}" for k, v in trial.levels.items()))
            for detail in _trial_errors(params, study, trial, key, context, ask_libraries):
                seen.setdefault(detail.key.removeprefix(key) + detail.problem, detail)
        found += seen.values()
    return found


def _trial_errors(
    params: Params,
    study: Study,
    trial: Trial,
    key: str,
    context: dict[str, Any],
    ask_libraries: bool,
) -> list[ErrorDetail]:
    schema = type(params.variant(study.variant))
    try:
        settings = schema.model_validate(trial.entry, context=context)
    except ValidationError as error:
        return pydantic_errors(error, schema, key)
    if (dataset := params.datasets.get(settings.dataset)) is None:
        names = list(params.datasets)
        problem = f"no dataset {shown(settings.dataset)} in datasets"
        return [unknown(f"{key}.dataset", problem, settings.dataset, names)]
    # Whether a corpus has a validation part of its own is known when it has been read.
    if study.tuned and not dataset.validation and dataset.split != "given":
        problem = f"{settings.dataset} has no validation part, on which {study.tuned[0]} is chosen"
        return [ErrorDetail(key, problem, "tune: []")]
    if not ask_libraries:
        return []
    meta = probe_meta(params.corpora, dataset)
    if found := settings.check(key, meta):
        return found
    if trial.budget is not None and meta is not None:
        measure, budget = trial.budget
        output_layer = trial.entry.get("output_layer", True)
        try:
            units_for(budget, measure, trial.layers, output_layer, meta)
        except ValueError as error:
            return [ErrorDetail(key, str(error))]
    return []


def _entry(levels: dict[str, Any], variant: Mapping[str, Any], key: str) -> dict[str, Any]:
    entry = copy.deepcopy(dict(variant))
    entry.pop("replicates", None)
    recurrent = {axis: value for axis, value in levels.items() if axis in RECURRENT_AXES}
    if recurrent.keys() & BUDGETS.keys():
        recurrent = {axis: v for axis, v in recurrent.items() if axis not in BUDGETS} | {"units": 1}
    # Whole values come first: the other axes change a part of them.
    for axis, value in levels.items():
        if "." not in axis and axis not in (*RECURRENT_AXES, "learning_rate"):
            set_value(entry, axis, copy.deepcopy(value), key)
    if recurrent:
        first = next(axis for axis in levels if axis in RECURRENT_AXES)
        if not isinstance(entry.get("layers"), list):
            raise _error(f"{key}.{first}", "the variant has no layers of Keras")
        try:
            entry["layers"] = with_recurrent_layers(entry["layers"], **recurrent)
        except ValueError as error:
            raise _error(f"{key}.{first}", str(error)) from error
    for axis, value in levels.items():
        if axis == "learning_rate" and "optimizer" in entry:
            name, arguments = name_and_arguments(entry["optimizer"])
            entry["optimizer"] = {name: {**arguments, "learning_rate": value}}
        elif axis == "learning_rate" or ("." in axis and not axis.startswith(DATASET_AXIS)):
            set_value(entry, axis, copy.deepcopy(value), key)
    return entry


def _error(key: str, problem: str, allowed: str = "") -> ParamsError:
    return ParamsError("params.yaml", [ErrorDetail(key, problem, allowed)])
