"""Labelled sequences of numbers of the user, from the rows of a file."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.corpora.fetch import full_disk_errors
from rnnbench.corpora.rows.files import Errors, row_format
from rnnbench.corpora.rows.reader import Row
from rnnbench.corpora.rows.samples import Label, SampleRows, cell_text, finite_number, read_samples
from rnnbench.corpora.rows.settings import RowSettings
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import Target, read_array

TITLE = "Labelled sequences of numbers"
Dataset = ArrayDataset

_SEPARATOR = re.compile(r"\s*[;,]\s*|\s+")


class Settings(RowSettings):
    """The settings of sequences of numbers.

    path: a .csv, .tsv, .jsonl, .ndjson or .parquet file, as it is or compressed as .gz, .bz2 or
        .zst, with a header; ``~`` and paths relative to params.yaml are allowed. Sequences must fit
        into memory.
    id: a column; the rows with the same value are the steps of one sequence. Without it, each row
        is a sequence.
    step: with id, the column of the numbers by which steps are sorted; by default they are in the
        order of the rows.
    values: without id, the column of the sequences, numbers with blanks, ";" or "," between them;
        with id, the column of the numbers, or a list of columns.
    steps: the length of every sequence; longer ones lose their first steps, shorter ones get zeros
        in front. By default all must have the same length.
    label: the column of the labels; the rows of a sequence have the same one. Sequences without a
        label are left out.
    """

    label: str
    values: str | list[str]
    id: str | None = None
    step: str | None = None
    steps: int | None = Field(default=None, ge=1, le=2**16)

    @property
    def channels(self) -> list[str]:
        """The columns of the numbers."""
        return [self.values] if isinstance(self.values, str) else self.values

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """(steps, channels); the steps are a guess if they follow from the file."""
        return (self.steps or 32, len(self.channels))

    @property
    def columns(self) -> dict[Path, tuple[str | None, ...]]:
        """The columns that are read from the file; None is no column."""
        names = (*self.channels, self.id, self.step, self.label, self.group, self.split)
        return {Path(self.path): names}

    def check_keys(self) -> None:
        """Raise ValueError if keys contradict each other."""
        super().check_keys()
        if not row_format(Path(self.path)):
            raise ValueError(f"{self.path!r} is no file of rows, expected .csv or another format")
        if self.id is None and not (isinstance(self.values, str) and self.step is None):
            raise ValueError("a step, or a list of values, needs an id, the column of the sequence")
        names = (*self.channels, *filter(None, (self.id, self.step)), self.label)
        if not self.channels or len(set(names)) < len(names):
            raise ValueError("values, id, step and label must be different columns")


def fetch(settings: Settings, directory: Path) -> None:
    """Write the corpus into an empty directory.

    x.npy has the sequences, shape (n, steps, channels), float32, and y.npy their class ids, int64,
    or numbers, float32, in the order in which the sequences start in the file. corpus.json,
    groups.npy and given.npy are as `SampleRows.save` writes them.

    Raises DataError with the first errors of the file, by line and column.
    """
    errors = Errors(Path(settings.path))
    samples = SampleRows(errors, settings)
    sequences = _sequences(settings, samples)
    samples.finish()
    ids: dict[Label, int] = {name: i for i, name in enumerate(samples.classes)}
    labels = [sequence.label for sequence in sequences]
    y = np.array([ids[label] for label in labels]) if ids else np.array(labels, np.float32)
    x = _same_length(sequences, settings, errors)
    with full_disk_errors(directory.parent):
        np.save(directory / "x.npy", x, allow_pickle=False)
        np.save(directory / "y.npy", y, allow_pickle=False)
        samples.save(directory)


def read(directory: Path) -> ArrayCorpus:
    """The corpus that `fetch` wrote: x of shape (n, steps, channels), y of shape (n,).

    Raises DataError if a file is missing or damaged.
    """
    record, groups, given = read_samples(directory)
    x, y = (read_array(directory / f"{name}.npy") for name in ("x", "y"))
    n, dtype = record.samples, np.int64 if record.classes else np.float32
    if x.ndim != 3 or x.dtype != np.float32 or y.dtype != dtype or len(x) != n or y.shape != (n,):
        raise DataError(f"{directory}: x.npy or y.npy is damaged; run dvc repro")
    targets: dict[int, Target] = {0: "number", 2: "binary"}
    target, classes = targets.get(len(record.classes), "classes"), tuple(record.classes)
    return ArrayCorpus(x, y, "number", target, classes, record.tolerance, groups, given)


@dataclass(frozen=True)
class _Sequence:
    """A sequence of any length.

    name: what it is called in error messages.
    values: all channels of the first step, of the second, and so on.
    steps: the numbers by which the steps are sorted; empty without a column of such.
    """

    name: str
    label: Label
    values: array[float] = field(default_factory=lambda: array("f"))
    steps: array[float] = field(default_factory=lambda: array("d"))


def _same_length(
    sequences: list[_Sequence], settings: Settings, errors: Errors
) -> NDArray[np.float32]:
    """All sequences, sorted, cut and padded, shape (n, steps, channels)."""
    channels = len(settings.channels)
    steps = settings.steps or len(sequences[0].values) // channels
    x = np.zeros((len(sequences), steps, channels), np.float32)
    for i, sequence in enumerate(sequences):
        values = np.array(sequence.values).reshape(-1, channels)
        if settings.step is not None:
            order = np.argsort(sequence.steps)
            numbers = np.array(sequence.steps)[order]
            repeated = numbers[1:][np.diff(numbers) == 0]
            if repeated.size:
                problem = f"two rows with the number {repeated[0]:g}"
                errors.stop(sequence.name, problem, settings.step)
            values = values[order]
        if settings.steps is None and len(values) != steps:
            problem = f"{len(values)} steps, but {sequences[0].name} has {steps}"
            hint = "set steps to cut and pad all sequences to one length"
            errors.stop(sequence.name, f"{problem}; {hint}")
        x[i, max(0, steps - len(values)) :] = values[-steps:]
    return x


def _sequences(settings: Settings, samples: SampleRows) -> list[_Sequence]:
    """The sequences of all rows, which are its steps, or one sequence each without an id."""
    errors, sequences = samples.errors, list[_Sequence]()
    # The first row of each sequence; the sequence is None if it is left out.
    first: dict[str, tuple[Row, _Sequence | None]] = {}
    for row in settings.rows(errors):
        key = row.place if settings.id is None else cell_text(row.cells[settings.id])
        if not key:
            errors.add(row.place, "no value, expected that of a sequence", settings.id)
            continue
        if settings.id is None:
            first.clear()
        if key not in first:
            label = samples.label(row)
            if label is not None:
                samples.add(row)
                name = key if settings.id is None else f"{settings.id} {shown(key)}"
                sequences.append(_Sequence(name, label))
            first[key] = row, None if label is None else sequences[-1]
        first_row, sequence = first[key]
        for column in filter(None, (settings.label, settings.group, settings.split)):
            value, expected = row.cells[column], first_row.cells[column]
            if cell_text(value) != cell_text(expected):
                problem = f"got {shown(value)}, but {shown(expected)} in {first_row.place}"
                errors.add(row.place, f"{problem} of the same sequence", column)
        numbers = [_numbers(row, name, errors, settings.id is None) for name in settings.channels]
        steps = [] if settings.step is None else _numbers(row, settings.step, errors, False)
        if sequence is not None:
            sequence.values.extend(chain.from_iterable(numbers))
            sequence.steps.extend(steps)
    return sequences


def _numbers(row: Row, column: str, errors: Errors, several: bool) -> list[float]:
    """The number, or the numbers, of a cell; 0 after an error."""
    value = row.cells[column]
    cells, expected = [value], "a finite number"
    if several:
        expected = "finite numbers with blanks between them"
        text = cell_text(value)
        cells = (value if isinstance(value, list) else _SEPARATOR.split(text or "")) or [value]
    found = [finite_number(cell) for cell in cells]
    if None in found:
        wrong = cells[found.index(None)]
        errors.add(row.place, f"got {shown(wrong)}, expected {expected}", column)
    return [number or 0.0 for number in found]
