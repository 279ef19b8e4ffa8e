"""Labelled sequences of numbers of the user, from the rows of a file."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.corpora.fetch import full_disk_errors
from rnnbench.corpora.rows.compressed import is_row_file
from rnnbench.corpora.rows.errors import Errors
from rnnbench.corpora.rows.reader import Row, RowFile
from rnnbench.corpora.rows.samples import Label, SampleRows, cell_text, finite_number, read_samples
from rnnbench.corpora.rows.settings import RowSettings
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import Target, read_array

TITLE = "Labelled sequences of numbers"
Dataset = ArrayDataset

_USUAL_STEPS = 32
_SEPARATOR = re.compile(r"\s*[;,]\s*|\s+")


class Settings(RowSettings):
    """The settings of sequences of numbers.

    path: a .csv, .tsv, .jsonl, .ndjson or .parquet file, as it is or compressed as .gz, .bz2, .xz,
        .zst or .zip with one file, with a header; ``~`` and paths relative to params.yaml are
        allowed. Sequences must fit into memory.
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
    group: a column; sequences with the same value, such as those of one patient, can be split
        together ("by_group").
    split: a column with the part of each sequence, for the split "given": train or training;
        validation, valid or dev; evaluation, eval or test; empty for none.
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
        return (self.steps or _USUAL_STEPS, len(self.channels))

    @property
    def columns(self) -> dict[Path, tuple[str | None, ...]]:
        """The columns that are read from the file; None is no column."""
        names = (*self.channels, self.id, self.step, self.label, self.group, self.split)
        return {Path(self.path): names}

    def check_keys(self) -> None:
        """Raise ValueError if keys contradict each other."""
        super().check_keys()
        if not is_row_file(Path(self.path)):
            raise ValueError(f"{self.path!r} is no file of rows, expected .csv or another format")
        if self.id is None and not isinstance(self.values, str):
            raise ValueError(
                "several columns of values need an id, the column that says which rows are the "
                "steps of one sequence"
            )
        if self.id is None and self.step is not None:
            raise ValueError("step needs an id, the column of the sequence of each row")
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
    samples = SampleRows(errors, settings, settings.label, settings.group, settings.split)
    file = RowFile(errors, settings.encoding, settings.delimiter)
    rows = file.rows(settings.columns[errors.path])
    sequences = (_wide if settings.id is None else _long)(rows, settings, samples)
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
    return ArrayCorpus(
        x=x,
        y=y,
        encoding="number",
        target=targets.get(len(record.classes), "classes"),
        classes=tuple(record.classes),
        tolerance=record.tolerance,
        groups=groups,
        given=given,
    )


@dataclass(frozen=True)
class _Sequence:
    """A sequence of any length.

    name: what it is called in error messages.
    values: all channels of the first step, of the second, and so on.
    steps: the numbers by which the steps are sorted; not used without a column of such.
    """

    name: str
    label: Label
    values: array[float] = field(default_factory=lambda: array("f"))
    steps: array[float] = field(default_factory=lambda: array("d"))

    def sorted(self, settings: Settings, errors: Errors) -> NDArray[np.float32]:
        """The values in the order of the steps, shape (length, channels)."""
        values = np.array(self.values).reshape(-1, len(settings.channels))
        if settings.step is None:
            return values
        numbers = np.array(self.steps)
        order = np.argsort(numbers)
        repeated = numbers[order][1:][np.diff(numbers[order]) == 0]
        if repeated.size:
            errors.stop(self.name, f"two rows with the number {repeated[0]:g}", settings.step)
        return values[order]


def _same_length(
    sequences: list[_Sequence], settings: Settings, errors: Errors
) -> NDArray[np.float32]:
    """All sequences, sorted, cut and padded, shape (n, steps, channels)."""
    channels = len(settings.channels)
    steps = settings.steps or len(sequences[0].values) // channels
    x = np.zeros((len(sequences), steps, channels), np.float32)
    for i, sequence in enumerate(sequences):
        values = sequence.sorted(settings, errors)
        if settings.steps is None and len(values) != steps:
            problem = f"{len(values)} steps, but {sequences[0].name} has {steps}"
            hint = "set steps to cut and pad all sequences to one length"
            errors.stop(sequence.name, f"{problem}; {hint}")
        x[i, max(0, steps - len(values)) :] = values[-steps:]
    return x


def _wide(rows: Iterable[Row], settings: Settings, samples: SampleRows) -> list[_Sequence]:
    """One sequence per row."""
    sequences = []
    for row in rows:
        label = samples.label(row)
        numbers = _numbers(row, settings.channels[0], samples.errors)
        if label is not None and numbers is not None:
            samples.add(row)
            # Long sequences are cut here, to store less.
            values = array("f", numbers[-(settings.steps or 0) :])
            sequences.append(_Sequence(row.place, label, values))
    return sequences


def _numbers(row: Row, column: str, errors: Errors) -> list[float] | None:
    """The numbers of a cell; None after an error."""
    value = row.cells[column]
    text = cell_text(value)
    cells = value if isinstance(value, list) else _SEPARATOR.split(text) if text else [value]
    found = [finite_number(cell) for cell in cells]
    numbers = [number for number in found if number is not None]
    if numbers and len(numbers) == len(found):
        return numbers
    wrong = cells[found.index(None)] if cells else value
    problem = f"got {shown(wrong)}, expected finite numbers with blanks between them"
    errors.add(row.place, problem, column)
    return None


def _long(rows: Iterable[Row], settings: Settings, samples: SampleRows) -> list[_Sequence]:
    """One step per row."""
    assert settings.id is not None
    errors = samples.errors
    sequences: list[_Sequence] = []
    # The first row of each sequence; the sequence is None if it is left out.
    first: dict[str, tuple[Row, _Sequence | None]] = {}
    for row in rows:
        name = cell_text(row.cells[settings.id])
        if not name:
            errors.add(row.place, "no value, expected that of a sequence", settings.id)
            continue
        if name not in first:
            label = samples.label(row)
            if label is not None:
                samples.add(row)
                sequences.append(_Sequence(f"{settings.id} {shown(name)}", label))
            first[name] = row, None if label is None else sequences[-1]
        first_row, sequence = first[name]
        _compare(row, first_row, settings, errors)
        numbers = [_number(row, column, errors) for column in settings.channels]
        step = 0.0 if settings.step is None else _number(row, settings.step, errors)
        if sequence is not None:
            sequence.values.extend(numbers)
            sequence.steps.append(step)
    return sequences


def _compare(row: Row, first: Row, settings: Settings, errors: Errors) -> None:
    """Note an error if a row differs in what all rows of a sequence have in common."""
    for column in filter(None, (settings.label, settings.group, settings.split)):
        value, expected = row.cells[column], first.cells[column]
        if cell_text(value) != cell_text(expected):
            problem = f"got {shown(value)}, but {shown(expected)} in {first.place}"
            errors.add(row.place, f"{problem} of the same sequence", column)


def _number(row: Row, column: str, errors: Errors) -> float:
    """The number of a cell; 0 after an error."""
    number = finite_number(row.cells[column])
    if number is None:
        errors.add(row.place, f"got {shown(row.cells[column])}, expected a finite number", column)
    return number or 0.0
