"""The units that follow from the budget of a study, and the sizes of its recurrent layers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from rnnbench.core.errors import ParamsError
from rnnbench.core.files import write_text
from rnnbench.core.validation import ErrorDetail
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import Meta
from rnnbench.models.recurrent import has_recurrent_layers, size, units_for
from rnnbench.params import Trial
from rnnbench.training.keys import Inputs

# What `Sizes.of` returns beside the settings; their names are columns of trainings.csv.
_Columns = dict[str, int | None]


class Sizes:
    """Sizes by all that determines them, in a file: to find them, Keras builds networks."""

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.study_results("sizes").with_suffix(".json")
        try:
            self._found: dict[str, _Columns] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._found = {}
        self._new = False

    def of(
        self, trial: Trial, meta: Meta, inputs: Inputs, key: str
    ) -> tuple[dict[str, Any], _Columns]:
        """The settings of a trial with its units, and its sizes; can import Keras.

        key: of the study, for errors. Raises ParamsError.
        """
        entry = trial.entry
        if "layers" not in entry or not has_recurrent_layers(entry["layers"]):
            return entry, {}
        content = [entry, trial.budget, meta.model_dump(mode="json"), inputs.model_dump()]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        if digest not in self._found:
            self._found[digest], self._new = _measured(trial, meta, key), True
        columns = self._found[digest]
        if trial.budget is not None and columns["units"] is not None:
            entry = entry | {"layers": trial.layers(columns["units"])}
        return entry, columns

    def write(self) -> None:
        """Keep what has been found."""
        if self._new:
            write_text(self._path, json.dumps(self._found))


def _measured(trial: Trial, meta: Meta, key: str) -> _Columns:
    layers, output_layer = trial.entry["layers"], trial.entry.get("output_layer", True)
    try:
        if trial.budget is not None:
            measure, budget = trial.budget
            layers = trial.layers(units_for(budget, measure, trial.layers, output_layer, meta))
        found = size(layers, output_layer, meta)
    except ParamsError as error:
        raise error.under(key) from error
    except ValueError as error:
        raise ParamsError("params.yaml", [ErrorDetail(f"{key}.axes", str(error))]) from error
    return {
        "units": found.units,
        "recurrent_parameters": found.parameters,
        "multiply_adds": found.multiply_adds,
    }
