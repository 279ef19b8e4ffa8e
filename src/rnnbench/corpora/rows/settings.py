"""The settings of corpora that are read from the user's rows."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown
from rnnbench.corpora.base import CorpusSettings
from rnnbench.corpora.rows.files import FILE_NAMES, Errors, row_format
from rnnbench.corpora.rows.reader import Row, RowFile


def _absolute(path: str, info: ValidationInfo) -> str:
    context = info.context or {}
    project = context.get("project", context.get("root", Path()))
    try:
        return str((project / Path(path).expanduser()).absolute())
    # Of a user that does not exist.
    except RuntimeError as error:
        raise ValueError(f"got {shown(path)}: {error}") from error


# ``~`` and paths relative to the project are allowed.
UserPath = Annotated[str, AfterValidator(_absolute)]


class RowSettings(CorpusSettings):
    """The settings of corpora that are read from the user's rows.

    target: what labels are, "classes" or "number".
    tolerance: for numbers, the largest absolute error of a correct prediction.
    encoding: the character encoding of text files, such as "cp949"; a byte order mark has
        priority.
    delimiter: the character between the cells of a CSV file; by default a comma, in .tsv a tab.
    group: a column; samples with the same value, such as those of one author or patient, can be
        split together ("by_group").
    split: a column with the part of each sample, for the split "given": train or training;
        validation, valid or dev; evaluation, eval or test; empty for none.
    """

    path: UserPath
    label: str | None = None
    target: Literal["classes", "number"] = "classes"
    tolerance: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    group: str | None = None
    split: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = Field(default=None, pattern=r'^[^"\r\n\x00]$')

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str) -> str:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding).read()
        # Text after a NUL, or a codec that is not of text.
        except (LookupError, ValueError) as error:
            problem = f"got {shown(encoding)}, expected an encoding of Python such as cp949"
            raise ValueError(problem) from error
        return encoding

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        self.check_keys()
        if (info.context or {}).get("ask_libraries"):
            for path in self.columns:
                try:
                    if row_format(path):
                        next(self.rows(Errors(path)), None)
                    elif not path.is_dir():
                        raise ValueError(f"'{path}' is neither a folder nor a file: {FILE_NAMES}")
                except DataError as error:
                    raise ValueError(str(error)) from error
        return self

    def check_keys(self) -> None:
        """Raise ValueError if keys contradict each other."""
        if (self.target == "number") != (self.tolerance is not None):
            problem = "tolerance, the largest error of a correct prediction, is for target: number"
            raise ValueError(f"{problem}, which needs one")
        if self.delimiter is not None and not {"csv", "tsv"} & set(map(row_format, self.columns)):
            raise ValueError("delimiter applies to CSV files only")

    @property
    @abstractmethod
    def columns(self) -> dict[Path, tuple[str | None, ...]]:
        """The columns that are read from each file or folder; None is no column."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that the corpus is read from."""
        return tuple(self.columns)

    # Unlike those of other corpora, it depends on the settings.
    @property
    def splits(self) -> tuple[str, ...]:  # type: ignore[override]
        """How these samples can be split, values of `rnnbench.data.config.ArrayDataset.split`."""
        columns = {"given": self.split, "by_group": self.group}
        return (*(name for name, column in columns.items() if column is not None), "random", "last")

    def rows(self, errors: Errors) -> Iterator[Row]:
        """The rows of the file of `errors`, with the columns that are read from it."""
        return RowFile(errors, self.encoding, self.delimiter).rows(self.columns[errors.path])
