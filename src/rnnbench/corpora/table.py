"""Labelled texts of the user: the rows of a file, or a folder of folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rnnbench.core.errors import DataError
from rnnbench.corpora.base import TextCorpus
from rnnbench.corpora.fetch import full_disk_errors
from rnnbench.corpora.files import read_texts, write_texts
from rnnbench.corpora.rows.files import FILE_NAMES, Errors, encoding_of, row_format, wrong_encoding
from rnnbench.corpora.rows.reader import Row
from rnnbench.corpora.rows.samples import PARTS, Label, SampleRows, read_samples
from rnnbench.corpora.rows.settings import RowSettings, UserPath
from rnnbench.data.config import UserTextDataset

TITLE = "Labelled texts"
Dataset = UserTextDataset

# It becomes part of file names and of columns.
_Name = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]


class Settings(RowSettings):
    """The settings of a table of texts.

    path: a .csv, .tsv, .jsonl, .ndjson or .parquet file, as it is or compressed as .gz, .bz2 or
        .zst, with a header and one text per row; or a folder with one folder of text files per
        class. If the folders of a folder all have names of parts (see split), each has folders of
        classes. ``~`` and paths relative to params.yaml are allowed; hidden files are ignored.
    text: the column of the texts; not for folders.
    label: the column of the labels; not for folders. Rows without a text or a label are left out.
    out_of_domain: further evaluation sets by name, never trained on: paths as above, with the same
        columns and classes.
    """

    text: str | None = None
    out_of_domain: dict[_Name, UserPath] = Field(default={})

    @property
    def columns(self) -> dict[Path, tuple[str | None, ...]]:
        """The columns that are read from each file or folder; None is no column."""
        further = dict.fromkeys(map(Path, self.out_of_domain.values()), (self.text, self.label))
        return {**further, Path(self.path): (self.text, self.label, self.group, self.split)}

    @property
    def splits(self) -> tuple[str, ...]:  # type: ignore[override]
        """How these samples can be split, values of `rnnbench.data.config.ArrayDataset.split`."""
        path = Path(self.path)
        if row_format(path):
            return super().splits
        # The last files of a folder are all of one class. One that is not here may have parts.
        may_have_parts = not path.is_dir() or _are_parts(_folders(path))
        return ("given", "random") if may_have_parts else ("random",)

    def check_keys(self) -> None:
        """Raise ValueError if keys contradict each other."""
        super().check_keys()
        in_files = {name: getattr(self, name) for name in ("text", "label")}
        if any(map(row_format, self.columns)):
            if missing := [name for name, column in in_files.items() if column is None]:
                raise ValueError(f"a file needs columns of text and label, {missing[0]} is missing")
            if self.text == self.label:
                raise ValueError("text and label must be two columns")
        elif given := [name for name, column in in_files.items() if column is not None]:
            problem = f"{self.path!r} is no such file: {FILE_NAMES}"
            raise ValueError(f"{given[0]} applies to files, but {problem}")
        if not row_format(Path(self.path)) and (self.group, self.split) != (None, None):
            raise ValueError("group and split apply to files, not to folders")


def fetch(settings: Settings, directory: Path) -> None:
    """Write the corpus into an empty directory, text as UTF-8.

    documents.jsonl has one JSON object per line, text and label (a class name or a number), in the
    order of the rows; so have the further_NAME.jsonl. corpus.json, groups.npy and given.npy are as
    `SampleRows.save` writes them.

    Raises DataError with the first errors of a file, by line and column.
    """
    with full_disk_errors(directory.parent):
        main = _write_texts(settings, Path(settings.path), directory / "documents.jsonl")
        further = {}
        for name, path in settings.out_of_domain.items():
            target = directory / f"further_{name}.jsonl"
            samples = _write_texts(settings, Path(path), target, main.classes)
            further[name] = samples.count
        main.save(directory, further)


def read(directory: Path) -> TextCorpus:
    """The corpus that `fetch` wrote: n texts as UTF-8 bytes.

    Raises DataError if a file is missing or damaged.
    """
    record, groups, given = read_samples(directory)
    labels = record.classes or None
    return TextCorpus(
        documents=read_texts(directory / "documents.jsonl", "utf-8", labels, record.samples),
        classes=tuple(record.classes),
        encoding="utf-8",
        groups=groups,
        given=given,
        tolerance=record.tolerance,
        further={
            name: read_texts(directory / f"further_{name}.jsonl", "utf-8", labels, count)
            for name, count in record.further.items()
        },
    )


def _write_texts(
    settings: Settings, source: Path, target: Path, known: tuple[str, ...] | None = None
) -> SampleRows:
    """Write the labelled texts of a file or folder.

    known: the classes of the main file, if this is a further one.
    """
    errors = Errors(source)
    if row_format(source):
        rows = settings.rows(errors)
    else:
        rows = _folder_rows(source, settings.encoding, errors)
        part = "part" if _are_parts(_folders(source)) else None
        settings = settings.model_copy(update={"text": "text", "label": "folder", "split": part})
    if known is not None:
        settings = settings.model_copy(update={"group": None, "split": None})
    samples = SampleRows(errors, settings, known)

    def labelled() -> Iterator[tuple[str, Label]]:
        for row in rows:
            content = samples.text(row, settings.text or "")
            if content is not None and (name := samples.label(row)) is not None:
                samples.add(row)
                yield content, name

    write_texts(target, labelled())
    samples.finish()
    return samples


def _folder_rows(root: Path, encoding: str, errors: Errors) -> Iterator[Row]:
    """The files of the folders of a folder, with the columns text, folder and part."""
    folders = _folders(root)
    pairs = [("", folder) for folder in folders]
    if _are_parts(folders):
        pairs = [(part.name, folder) for part in folders for folder in _folders(part)]
    if not pairs:
        errors.stop("", "no folders of text files; expected one per class")
    for part, folder in pairs:
        for path in _visible(folder):
            place = path.relative_to(root).as_posix()
            # Reading a pipe or a device may never end.
            if not path.is_file():
                errors.add(place, "not a file; a folder of a class has text files only")
                continue
            try:
                content = path.read_bytes()
                text = content.decode(encoding_of(content, encoding))
                yield Row(place, {"text": text, "folder": folder.name, "part": part})
            except OSError as error:
                errors.add(place, f"not readable: {error.strerror}")
            except UnicodeDecodeError:
                errors.add(place, wrong_encoding(encoding, [content]))


def _are_parts(folders: list[Path]) -> bool:
    return all(folder.name.casefold() in PARTS for folder in folders)


def _folders(root: Path) -> list[Path]:
    return [path for path in _visible(root) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: not a readable folder ({error.strerror})") from error
