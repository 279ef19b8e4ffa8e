"""Reads and validates params.yaml as a whole, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rnnbench import corpora, models
from rnnbench.core.errors import ParamsError
from rnnbench.core.root import original_root
from rnnbench.core.schema import Schema
from rnnbench.core.validation import (
    ErrorDetail,
    child,
    pydantic_errors,
    shown,
    unexpected,
    unknown,
)
from rnnbench.corpora.base import CorpusSettings
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.models.base import VariantSettings
from rnnbench.models.probe import probe_meta
from rnnbench.params.expansion import UNREADABLE, Expansion
from rnnbench.params.schema import Comparison, Params, Published, Question, Run, Study
from rnnbench.params.studies import study_errors
from rnnbench.params.yaml import read_yaml

# dvc.yaml names all sections, so DVC needs all of them; the last two may be empty.
_FILLED = ("run", "corpora", "datasets", "variants")
_REQUIRED = (*_FILLED, "comparison", "questions", "published")
SECTIONS = (*_REQUIRED, "studies")
# A name becomes a folder, and an argument of a command.
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")

_S = TypeVar("_S", bound=Schema)
# The schema of one entry, by its key, name and raw value; None after an error.
_FindSchema = Callable[[str, str, object], type[_S] | None]


def load_params(path: Path, ask_libraries: bool = False) -> Params:
    """Read a parameter file and validate its structure, types and references.

    ask_libraries: whether the libraries of the model families also check the values meant for
        them, which takes seconds, and whether folders that the corpora are read from must exist.
    Raises ParamsError with all errors of the file.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        expected = f"a mapping of {', '.join(SECTIONS)}"
        raise ParamsError(str(path), [unexpected("file", raw, expected)])
    expansion = Expansion(raw)
    try:
        params = validated(expansion.sections, path.absolute().parent, ask_libraries)
        errors = []
    except ParamsError as error:
        errors = expansion.without_repetitions(list(error.errors))
    if errors or expansion.errors:
        raise ParamsError(str(path), [*expansion.errors, *errors])
    return params


check_params = partial(load_params, ask_libraries=True)


def validated(sections: Mapping[Any, Any], project: Path, ask_libraries: bool = False) -> Params:
    """Validate all sections, without bases and grids; arguments and errors as in `load_params`."""
    context = {
        "project": project,
        "root": original_root(project),
        "ask_libraries": ask_libraries,
    }
    reader = _Reader(sections, context)
    run = reader.section(Run, "run")
    comparison = reader.section(Comparison, "comparison")
    corpora_ = reader.entries("corpora", reader.corpus)
    datasets = reader.entries("datasets", reader.dataset)
    variants = reader.entries("variants", reader.variant)
    questions = reader.questions()
    published = reader.entries("published", reader.published)
    studies = reader.entries("studies", reader.study)
    reader.errors += _unsuitable_splits(corpora_, datasets, ask_libraries)
    reader.errors += _contradictions(datasets, variants, questions, published)
    for name, variant in variants.items() if ask_libraries else ():
        meta = probe_meta(corpora_, datasets.get(variant.dataset))
        reader.errors += variant.check(child("variants", name), meta)
    if reader.errors or run is None or comparison is None:
        raise ParamsError("params.yaml", reader.errors)
    params = Params(
        run, corpora_, datasets, variants, comparison, questions, published, studies, dict(sections)
    )
    if errors := study_errors(params, context, ask_libraries):
        raise ParamsError("params.yaml", errors)
    return params


def _unsuitable_splits(
    corpora_: dict[str, CorpusSettings], datasets: dict[str, ArrayDataset], ask: bool
) -> list[ErrorDetail]:
    """Datasets that split their corpus in a way that it has not.

    ask: whether a choice is also demanded, which can depend on files that are only there at first.
    """
    found = []
    for name, dataset in datasets.items():
        if (settings := corpora_.get(dataset.corpus)) is None:
            continue
        key, splits = child(child("datasets", name), "split"), settings.splits
        if dataset.split not in splits:
            problem = f"the corpus {dataset.corpus} cannot be split {shown(dataset.split)}"
            found.append(ErrorDetail(key, problem, ", ".join(splits)))
        # Silently drawn at random, the parts would share groups, or ignore the given ones.
        elif (
            ask and {"by_group", "given"} & set(splits) and "split" not in dataset.model_fields_set
        ):
            problem = f"is missing: the corpus {dataset.corpus} can be split in several ways"
            found.append(ErrorDetail(key, problem, ", ".join(splits)))
    return found


def _contradictions(
    datasets: dict[str, ArrayDataset],
    variants: dict[str, VariantSettings],
    questions: list[Question],
    published: dict[str, Published],
) -> list[ErrorDetail]:
    """Errors that concern several entries; entries with other errors are left out."""
    used = {
        name: datasets[variant.dataset]
        for name, variant in variants.items()
        if variant.dataset in datasets
    }
    found = []
    for number, question in enumerate(questions):
        asked = [set(other.variants) for other in questions[:number]]
        if set(question.variants) in asked:
            problem = f"these two are compared by questions[{asked.index(set(question.variants))}]"
            found.append(ErrorDetail(child(child("questions", number), "variants"), problem))
        pair = [used[name] for name in question.variants if name in used]
        key = child(child("questions", number), "variants")
        if len({dataset.corpus for dataset in pair}) > 1:
            found.append(ErrorDetail(key, "variants of different corpora cannot be compared"))
        elif any(dataset.split == "same" for dataset in pair):
            problem = "a variant is evaluated on its training samples, which shows nothing"
            found.append(ErrorDetail(key, problem))
    for name, figure in published.items():
        own = used.get(name)
        if own and figure.same_samples and (own.split, own.evaluation) != ("last", figure.samples):
            key = child(child("published", name), "same_samples")
            problem = f"{name} is not evaluated on the {figure.samples} samples of the figure"
            found.append(ErrorDetail(key, problem, "false"))
    return found


class _Reader:
    """Validates one section after the other and collects the errors."""

    def __init__(self, raw: Mapping[Any, Any], context: dict[str, object]) -> None:
        self._raw = raw
        # For the validators of the schemas.
        self._context = context
        self.errors: list[ErrorDetail] = [
            unknown(child("", section), f"unknown section {shown(section)}", section, SECTIONS)
            for section in raw
            if section not in SECTIONS
        ]
        self.errors += [ErrorDetail(s, "section is missing") for s in _REQUIRED if s not in raw]

    def section(self, schema: type[_S], name: str) -> _S | None:
        """A section without entries; None if it is missing or has errors."""
        return self.validated(schema, self._raw[name], name) if name in self._raw else None

    def entries(self, section: str, find_schema: _FindSchema[_S]) -> dict[str, _S]:
        """The valid entries of a section."""
        entries = self._raw.get(section, {})
        if not isinstance(entries, dict):
            self.errors.append(unexpected(section, entries, "a mapping of names to settings"))
            return {}
        if not entries and section in self._raw and section in _FILLED:
            self.errors.append(ErrorDetail(section, "is empty", "at least one entry"))
        valid = {}
        for name, entry in entries.items():
            key = child(section, name)
            if entry is UNREADABLE:
                continue
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                expected = "a name of 1 to 100 of a-z, 0-9, '_' and '-', not starting with '-'"
                self.errors.append(unexpected(key, name, expected))
            elif (schema := find_schema(key, name, entry)) and (
                settings := self.validated(schema, entry, key)
            ):
                valid[name] = settings
        return valid

    def questions(self) -> list[Question]:
        """The valid questions."""
        entries = self._raw.get("questions", [])
        if not isinstance(entries, list):
            self.errors.append(unexpected("questions", entries, "a list of questions"))
            return []
        valid = []
        for number, entry in enumerate(entries):
            key = child("questions", number)
            if question := self.validated(Question, entry, key):
                valid.append(question)
                for name in question.variants:
                    names = self._names("variants")
                    self._exists(f"{key}.variants", "variant", name, names, " in variants")
        return valid

    def corpus(self, key: str, name: str, entry: object) -> type[CorpusSettings] | None:
        given = isinstance(entry, dict) and "kind" in entry
        where = f"{key}.kind" if given else key
        kind = entry["kind"] if isinstance(entry, dict) and given else name
        if self._exists(where, "kind of corpus", kind, corpora.NAMES):
            schema: type[CorpusSettings] = corpora.load(kind).Settings
            return schema
        if isinstance(entry, dict):
            self._unknown_keys(key, entry, [corpora.load(name).Settings for name in corpora.NAMES])
        return None

    def dataset(self, key: str, _name: str, entry: object) -> type[ArrayDataset]:
        corpus = entry.get("corpus") if isinstance(entry, dict) else None
        if isinstance(corpus, str):
            self._exists(f"{key}.corpus", "corpus", corpus, self._names("corpora"), " in corpora")
        settings = self._raw["corpora"].get(corpus) if corpus in self._names("corpora") else None
        kind = settings.get("kind", corpus) if isinstance(settings, dict) else corpus
        if kind in corpora.NAMES:
            schema: type[ArrayDataset] = corpora.load(str(kind)).Dataset
            return schema
        return TextDataset

    def variant(self, key: str, _name: str, entry: object) -> type[VariantSettings] | None:
        if not isinstance(entry, dict):
            self.errors.append(unexpected(key, entry, "a mapping"))
            return None
        if isinstance(dataset := entry.get("dataset"), str):
            names = self._names("datasets")
            self._exists(f"{key}.dataset", "dataset", dataset, names, " in datasets")
        if "model" not in entry:
            self.errors.append(ErrorDetail(f"{key}.model", "is missing", ", ".join(models.NAMES)))
            self._unknown_keys(key, entry, [models.load(name).Settings for name in models.NAMES])
        elif self._exists(f"{key}.model", "model family", entry["model"], models.NAMES):
            schema: type[VariantSettings] = models.load(entry["model"]).Settings
            return schema
        return None

    def study(self, key: str, _name: str, entry: object) -> type[Study]:
        if isinstance(entry, dict) and isinstance(variant := entry.get("variant"), str):
            names = self._names("variants")
            self._exists(f"{key}.variant", "variant", variant, names, " in variants")
        return Study

    def published(self, key: str, name: str, _entry: object) -> type[Published]:
        self._exists(key, "variant", name, self._names("variants"), " in variants")
        return Published

    def validated(self, schema: type[_S], entry: object, key: str) -> _S | None:
        try:
            return schema.model_validate(entry, context=self._context)
        except ValidationError as error:
            self.errors += pydantic_errors(error, schema, key)
            return None

    def _unknown_keys(
        self, key: str, entry: Mapping[Any, Any], schemas: Sequence[type[Schema]]
    ) -> None:
        """Report keys that no schema has: the missing one can be among them, misspelt."""
        allowed = dict.fromkeys(name for schema in schemas for name in schema.model_fields)
        for name in entry:
            if name not in allowed:
                problem = f"unknown key {shown(name)}"
                names = [*allowed, "base", "grid"]
                self.errors.append(unknown(child(key, name), problem, name, names))

    def _names(self, section: str) -> list[str]:
        """The names of a section, whether their entries are valid or not."""
        entries = self._raw.get(section)
        return [n for n in entries if isinstance(n, str)] if isinstance(entries, dict) else []

    def _exists(
        self, key: str, kind: str, name: object, allowed: Sequence[str], where: str = ""
    ) -> bool:
        if name not in allowed:
            self.errors.append(unknown(key, f"no {kind} {shown(name)}{where}", name, allowed))
        return name in allowed
