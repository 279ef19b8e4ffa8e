"""The rows that are samples: their labels, groups and parts."""

from __future__ import annotations

import math
import re
from array import array
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.core.validation import shown, unknown
from rnnbench.corpora.rows.files import MAX_ERRORS, Errors
from rnnbench.corpora.rows.reader import Row
from rnnbench.corpora.rows.settings import RowSettings
from rnnbench.data.format import FLAGS, Part, read_array

MAX_CLASSES = 1000
MAX_NUMBER = float(np.finfo(np.float32).max)
# The values of a split column, and the folders that are parts and not classes.
_PART_NAMES: dict[Part, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev"),
    "evaluation": ("evaluation", "eval", "test"),
}
PARTS = {name: FLAGS[part] for part, names in _PART_NAMES.items() for name in names}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_SURROGATE = re.compile("[\ud800-\udfff]")

Label = str | float


class RowsRecord(Schema):
    """corpus.json of a corpus of rows.

    samples: their number.
    classes: the class names by class id; empty for numbers.
    tolerance: as in `rnnbench.data.format.Meta`.
    further: the number of samples of each further evaluation set.
    """

    samples: int
    classes: list[str]
    tolerance: float
    further: dict[str, int]


class SampleRows:
    """The rows of one file that are used as samples, and their groups and parts.

    errors: receives those of single cells.
    classes: the class names; known after `finish`, empty for numbers.
    known: the classes that labels may have; None for any.
    """

    def __init__(
        self, errors: Errors, settings: RowSettings, known: Sequence[str] | None = None
    ) -> None:
        self.errors, self.count = errors, 0
        self.classes: tuple[str, ...] = ()
        self._settings, self._known = settings, known
        self._label, self._group, self._split = settings.label or "", settings.group, settings.split
        self._classes: set[str] = set()
        self._group_numbers: dict[object, int] = {}
        self._groups, self._given = array("q"), array("B")
        self._left_out = defaultdict[str, list[str]](list)

    def text(self, row: Row, column: str) -> str | None:
        """The text of a row; None if it has none, or none that can be used."""
        value = row.cells[column]
        text = cell_text(value)
        if text and isinstance(value, str):
            return value
        if text == "":
            self._left_out["text"].append(row.place)
        else:
            self.errors.add(row.place, f"got {shown(value)}, expected a text", column)
        return None

    def label(self, row: Row) -> Label | None:
        """The class name or number of a row; None if it has none, or none that can be used."""
        name = self._name(row, self._label)
        if name == "":
            self._left_out["label"].append(row.place)
        if not name:
            return None
        if self._settings.target == "number":
            number = finite_number(name)
            if number is None:
                problem = f"got {shown(name)}, expected a finite number such as 0.5"
                self.errors.add(row.place, problem, self._label)
            return number
        if self._known is not None and name not in self._known:
            problem = str(unknown(f"got {shown(name)}", "unknown class", name, self._known))
            self.errors.add(row.place, problem, self._label)
            return None
        self._classes.add(name)
        if len(self._classes) > MAX_CLASSES:
            problem = f"more than {MAX_CLASSES} classes; are they numbers? Set target: number"
            self.errors.stop(row.place, problem, self._label)
        return name

    def add(self, row: Row) -> None:
        """Use a row as the next sample, or note an error in its group or part."""
        self.count += 1
        if self._group is not None:
            # Nothing is known about rows without a group, so that each is one.
            group = self._name(row, self._group) or object()
            self._groups.append(self._group_numbers.setdefault(group, len(self._group_numbers)))
        if self._split is not None:
            part = cell_text(row.cells[self._split]) or ""
            if part and part.casefold() not in PARTS:
                problem = str(unknown(f"got {shown(part)}", "unknown part", part, PARTS))
                self.errors.add(row.place, problem, self._split)
            self._given.append(PARTS.get(part.casefold(), 0))

    def finish(self) -> None:
        """Print what was left out, and sort the classes.

        Raises DataError if there were errors, or if samples or classes are too few.
        """
        self.errors.check()
        for lacking, places in self._left_out.items():
            first = ", ".join(places[:MAX_ERRORS]) + (", ..." if places[MAX_ERRORS:] else "")
            rows = f"{len(places)} {'row' if len(places) == 1 else 'rows'}"
            print(f"{self.errors.path.name}: left out {rows} without a {lacking} ({first})")
        if not self.count:
            self.errors.stop("", "no samples; expected rows with a label")
        if self._known is None and len(self._classes) == 1:
            problem = f"all labels are {shown(*self._classes)}; expected two classes or more"
            self.errors.stop("", problem, self._label)
        in_order = sorted(self._classes)
        if all(map(_INTEGER.fullmatch, in_order)):
            in_order.sort(key=int)
        self.classes = tuple(in_order)

    def save(self, directory: Path, further: dict[str, int] | None = None) -> None:
        """Write corpus.json, a `RowsRecord`, and groups.npy and given.npy if there are such."""
        record = RowsRecord(
            samples=self.count,
            classes=list(self.classes),
            tolerance=self._settings.tolerance or 0.0,
            further=further or {},
        )
        write_json(directory / "corpus.json", record)
        if self._group is not None:
            np.save(directory / "groups.npy", np.array(self._groups), allow_pickle=False)
        if self._split is not None:
            np.save(directory / "given.npy", np.array(self._given), allow_pickle=False)

    def _name(self, row: Row, column: str) -> str | None:
        """As `cell_text`; None is noted as an error."""
        name = cell_text(row.cells[column])
        if name is None:
            problem = f"got {shown(row.cells[column])}, expected a text or a number"
            self.errors.add(row.place, problem, column)
        return name


def read_samples(
    directory: Path,
) -> tuple[RowsRecord, NDArray[np.int64] | None, NDArray[np.uint8] | None]:
    """What `SampleRows.save` wrote: the groups and the parts have shape (samples,), or are None.

    Raises DataError if a file is missing or damaged.
    """
    record = read_json(directory / "corpus.json", RowsRecord)
    found = []
    for name, dtype in (("groups", np.int64), ("given", np.uint8)):
        path = directory / f"{name}.npy"
        values = read_array(path) if path.exists() else None
        if values is not None and (values.shape != (record.samples,) or values.dtype != dtype):
            raise DataError(f"{path}: damaged, expected {record.samples} numbers; run dvc repro")
        found.append(values)
    return record, found[0], found[1]


def cell_text(value: object) -> str | None:
    """A cell as text without blanks around it, empty if there is no value.

    None if it is no number, no truth value and no text of whole characters.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    # JSON may have half of a surrogate pair.
    return None if _SURROGATE.search(text) else text


def finite_number(value: object) -> float | None:
    """The number of a cell, None if it is none, or not finite as a float32."""
    text = cell_text(value) or ""
    try:
        # Python's underscores between digits are rather part of a name here.
        number = math.nan if "_" in text else float(text)
    except ValueError:
        return None
    return number if abs(number) <= MAX_NUMBER else None
