"""The results of a study's trainings, by key: what has been trained is not trained again."""

from __future__ import annotations

import json
import os
from typing import Any

import pandas as pd

from rnnbench.core.errors import DataError
from rnnbench.core.workspace import Workspace
from rnnbench.studies.outputs import CURVE_COLUMNS, SCORES, WHOLE, read_study

Scores = dict[str, Any]
_METRICS = list(CURVE_COLUMNS[2:])


class Kept:
    """A file with a line for each training of a study that has ended, which is only added to.

    A training that ends is written at once; what a kill cuts off is trained again. Without the
    file, as in a new clone, the tables of the study stand for it.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._path = workspace.study_results(name)
        self._found: dict[str, Scores] = {}
        for line in self._lines():
            try:
                entry = json.loads(line)
                key, scores = entry["key"], entry["scores"]
                if {"curve", "seconds"} <= scores.keys():
                    self._found[key] = scores
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        # A study that is made smaller loses rows of its tables, but no training.
        found = _from_tables(workspace, name)
        self._write({key: scores for key, scores in found.items() if key not in self._found})

    def get(self, key: str) -> Scores | None:
        """The scores of a training, None if it has not been trained."""
        return self._found.get(key)

    def add(self, key: str, scores: Scores) -> None:
        """Keep the scores of a training; raises OSError."""
        self._write({key: scores})

    def _write(self, trainings: dict[str, Scores]) -> None:
        if not trainings:
            return
        self._found |= trainings
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # After a line that a kill has cut off, the next one must not continue it.
        start = "" if not self._path.exists() or self._ends_a_line() else "\n"
        with self._path.open("a", encoding="utf-8") as file:
            lines = (json.dumps({"key": k, "scores": scores}) for k, scores in trainings.items())
            file.write(start + "\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []

    def _ends_a_line(self) -> bool:
        with self._path.open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def _from_tables(workspace: Workspace, name: str) -> dict[str, Scores]:
    try:
        tables = read_study(workspace, name)
    except DataError:
        return {}
    # Reading a number can change its last bit: they have six decimals, and three.
    curves = {
        number: [[round(v, 6) for v in row] for row in rows[_METRICS].to_numpy(float).tolist()]
        for number, rows in tables["curves"].groupby("training")
    }
    numbers = tables["seconds"][["training", "seconds"]].to_numpy(float).tolist()
    seconds = {number: round(value, 3) for number, value in numbers}
    found: dict[str, Scores] = {}
    for row in tables["trainings"].to_dict("records"):
        number = row["training"]
        scores: Scores = {key: None if pd.isna(row[key]) else row[key] for key in SCORES}
        for key in WHOLE:
            scores[key] = None if scores[key] is None else int(scores[key])
        curve = curves.get(number, [])
        # Of a table that was cut off, or merged, a row may be left alone.
        if number in seconds and len(curve) == (scores["last_epoch"] or len(curve)):
            found[str(row["key"])] = scores | {"curve": curve, "seconds": seconds[number]}
    return found
