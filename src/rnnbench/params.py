"""params.yaml: the plan of all datasets and variants, checked as a whole before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from rnnbench import corpora, models
from rnnbench.datasets import ArrayDataset, TextDataset
from rnnbench.errors import Mistake, ParamsError, UnknownNameError
from rnnbench.mistakes import child, of_validation, shown, unexpected, unknown
from rnnbench.models.base import VariantSettings
from rnnbench.settings import Settings
from rnnbench.yaml_file import read_yaml

# DVC must find every section that dvc.yaml names, but nothing need be published.
_FILLED = ("run", "corpora", "datasets", "variants")
_SECTIONS = (*_FILLED, "published")
_NAME = re.compile(r"[a-z0-9_-]+")

_S = TypeVar("_S", bound=Settings)
_T = TypeVar("_T")


class Run(Settings):
    """What holds for the whole run.

    seed: every other seed comes from it. The bound leaves room for the replicates' offsets
        below 2**32, where NumPy's seeds end.
    replicates: how often each variant is trained, unless it says otherwise.
    """

    seed: int = Field(ge=0, lt=2**32 - 1000)
    replicates: int = Field(ge=1)


class Published(Settings):
    """The figure that a tutorial prints for a variant.

    accuracy: the share of right answers.
    samples: of how many answers.
    loss: the mean squared error, or the log loss.
    comparable: whether it was measured on samples of the same kind as ours.
    source: where it stands.
    note: why ours may differ; needed where it is not comparable.
    """

    accuracy: float = Field(ge=0, le=1)
    samples: int = Field(ge=1)
    loss: float | None = Field(default=None, ge=0)
    comparable: bool = True
    source: str
    note: str | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if not self.comparable and self.note is None:
            raise ValueError("a figure that is not comparable needs a note that says why")
        return self


@dataclass(frozen=True)
class Params:
    """A valid params.yaml; entries keep the order of the file."""

    run: Run
    corpora: dict[str, Settings]
    datasets: dict[str, ArrayDataset]
    variants: dict[str, VariantSettings]
    published: dict[str, Published]

    def corpus(self, name: str) -> Settings:
        """The settings of one corpus; raises UnknownNameError."""
        return _named("corpus", name, self.corpora)

    def dataset(self, name: str) -> ArrayDataset:
        """The settings of one dataset; raises UnknownNameError."""
        return _named("dataset", name, self.datasets)

    def variant(self, name: str) -> VariantSettings:
        """The settings of one variant, of its family's own class; raises UnknownNameError."""
        return _named("variant", name, self.variants)

    def replicates_of(self, name: str) -> int:
        """How often one variant is trained; raises UnknownNameError."""
        return self.variant(name).replicates or self.run.replicates


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check a parameter file.

    Raises ParamsError with all mistakes of the file, whatever the file holds.
    """
    raw, duplicates = read_yaml(path)
    check = _Check(raw)
    mistakes = duplicates + check.mistakes
    if mistakes or check.run is None:
        raise ParamsError(str(path), mistakes)
    return Params(check.run, check.corpora, check.datasets, check.variants, check.published)


def _named(kind: str, name: str, entries: dict[str, _T]) -> _T:
    if name not in entries:
        raise UnknownNameError(kind, name, entries)
    return entries[name]


class _Check:
    """Checks section by section: collects what is valid, and all `mistakes`."""

    def __init__(self, raw: object) -> None:
        self.mistakes: list[Mistake] = []
        self.run: Run | None = None
        self.corpora: dict[str, Settings] = {}
        self.datasets: dict[str, ArrayDataset] = {}
        self.variants: dict[str, VariantSettings] = {}
        self.published: dict[str, Published] = {}
        self.raw = raw if isinstance(raw, dict) else {}
        if not isinstance(raw, dict):
            self.mistakes.append(unexpected("file", raw, f"a mapping of {', '.join(_SECTIONS)}"))
            return
        for section in raw:
            if section not in _SECTIONS:
                problem = f"there is no section {shown(section)}"
                self.mistakes.append(unknown(child("", section), problem, section, _SECTIONS))
        for section in _SECTIONS:
            if section not in raw:
                self.mistakes.append(Mistake(section, "section is missing"))
        if "run" in raw:
            self.run = self._validate(Run, raw["run"], "run")
        for key, name, entry in self._entries("corpora"):
            self._corpus(key, name, entry)
        for key, name, entry in self._entries("datasets"):
            dataset = self._validate(_dataset_class(entry), entry, key)
            if dataset is not None:
                self.datasets[name] = dataset
            self._refer(entry, key, "corpus", "corpora")
        for key, name, entry in self._entries("variants"):
            self._variant(key, name, entry)
            self._refer(entry, key, "dataset", "datasets")
        for key, name, entry in self._entries("published"):
            figure = self._validate(Published, entry, key)
            if figure is not None:
                self.published[name] = figure
            self._known(key, "variant", name, "variants")

    def _entries(self, section: str) -> Iterator[tuple[str, str, object]]:
        """Key, name and value of each entry with a usable name."""
        entries = self.raw.get(section, {})
        if not isinstance(entries, dict):
            self.mistakes.append(unexpected(section, entries, "a mapping of names to settings"))
            return
        if not entries and section in self.raw and section in _FILLED:
            self.mistakes.append(Mistake(section, "is empty", "at least one entry"))
        for name, entry in entries.items():
            key = child(section, name)
            if isinstance(name, str) and _NAME.fullmatch(name):
                yield key, name, entry
            else:
                expected = "a name of lower-case letters, digits, '_' and '-'"
                self.mistakes.append(unexpected(key, name, expected))

    def _corpus(self, key: str, name: str, entry: object) -> None:
        if name in corpora.names():
            corpus = self._validate(corpora.load(name).Settings, entry, key)
            if corpus is not None:
                self.corpora[name] = corpus
        else:
            problem = f"there is no corpus {shown(name)}"
            self.mistakes.append(unknown(key, problem, name, corpora.names()))

    def _variant(self, key: str, name: str, entry: object) -> None:
        if not isinstance(entry, dict):
            self.mistakes.append(unexpected(key, entry, "a mapping"))
            return
        if "model" not in entry:
            self.mistakes.append(
                Mistake(f"{key}.model", "model is missing", ", ".join(models.names()))
            )
            return
        family = entry["model"]
        if family not in models.names():
            problem = f"there is no model family {shown(family)}"
            self.mistakes.append(unknown(f"{key}.model", problem, family, models.names()))
            return
        module = models.load(family)
        variant: VariantSettings | None = self._validate(module.Settings, entry, key)
        if variant is not None:
            self.variants[name] = variant
        self.mistakes += module.mistakes(entry, key)

    def _validate(self, model: type[_S], entry: object, key: str) -> _S | None:
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            self.mistakes += of_validation(error, model, key)
            return None

    def _refer(self, entry: object, key: str, word: str, section: str) -> None:
        """An entry's `word` must name an entry of `section`, be that one valid or not."""
        name = entry.get(word) if isinstance(entry, dict) else None
        if isinstance(name, str):
            self._known(f"{key}.{word}", word, name, section)

    def _known(self, key: str, word: str, name: str, section: str) -> None:
        entries = self.raw.get(section)
        names = [n for n in entries if isinstance(n, str)] if isinstance(entries, dict) else []
        if name not in names:
            problem = f"there is no {word} {shown(name)} in {section}"
            self.mistakes.append(unknown(key, problem, name, names))


def _dataset_class(raw: object) -> type[ArrayDataset]:
    """The class that a dataset of this raw mapping has, by its corpus.

    For an unknown corpus it is the more usual one; the corpus itself is told as a mistake.
    """
    corpus = raw.get("corpus") if isinstance(raw, dict) else None
    known = isinstance(corpus, str) and corpus in corpora.names()
    found: type[ArrayDataset] = corpora.load(str(corpus)).Dataset if known else TextDataset
    return found
