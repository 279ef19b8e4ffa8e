"""Less to write: entries of params.yaml that inherit from others, and grids of variants.

    base: NAME            takes over an entry of the same section and changes what differs
    layers.1.LSTM.units: 4    changes a value inside what was taken over
    grid: {KEY: [...]}    a variant for each combination of values; a key is as in the line above

YAML has anchors for the first, but `dvc exp run -S` writes them out.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child, shown, unexpected, unknown

SECTIONS = ("corpora", "datasets", "variants", "published", "studies")
_BASE, _GRID = "base", "grid"
# An axis of a study that changes a key of the dataset.
DATASET_AXIS = "dataset."
_MAX_MEMBERS = 1000
# What a name has no place for.
_NOT_PLAIN = re.compile(r"[^a-z0-9-]+")

# Stands for an entry whose base or grid has an error.
UNREADABLE = object()

_Entry = dict[str, Any]


class Expansion:
    """All sections of a params.yaml without bases and grids.

    sections: as in the file, with expanded entries; `UNREADABLE` where that has failed.
    errors: what is wrong with bases and grids.
    """

    def __init__(self, raw: Mapping[Any, Any]) -> None:
        self.sections = dict(raw)
        self.errors: list[ErrorDetail] = []
        # By section and name: the entry of the file, and the entries that it inherits from.
        self._origins: dict[tuple[str, str], list[str]] = {}
        self._raw = raw
        for section in SECTIONS:
            if isinstance(entries := raw.get(section), dict):
                self.sections[section] = self._expanded(section, entries)
        if isinstance(datasets := self.sections.get("datasets"), dict):
            self.sections["datasets"] = datasets | self._of_studies(datasets)

    def without_repetitions(self, errors: list[ErrorDetail]) -> list[ErrorDetail]:
        """The errors, each only once for all entries that have inherited it."""
        by_key = {
            child(section, name): (section, name) for section, name in reversed(self._origins)
        }
        seen: set[tuple[str, str, str, str]] = set()
        found = []
        for error in errors:
            owner = next((k for k in by_key if error.key.startswith((f"{k}.", f"{k}["))), None)
            if owner is not None:
                section, name = by_key[owner]
                rest = error.key.removeprefix(owner)
                source = self._source(section, name, rest)
                mark = (section, source, rest, error.problem)
                if mark in seen:
                    continue
                seen.add(mark)
            found.append(error)
        return found

    def _source(self, section: str, name: str, key: str) -> str:
        """The entry of the file that gives the value at `key`, such as ``.epochs``."""
        chain = self._origins[section, name]
        first = re.split(r"[.\[]", key)[1]
        for origin in chain:
            entry = self._raw[section][origin]
            own = entry | entry.get(_GRID, {}) if isinstance(entry.get(_GRID), dict) else entry
            if any(str(k).partition(".")[0] == first for k in own):
                return origin
        return chain[-1]

    def _of_studies(self, datasets: dict[Any, Any]) -> dict[str, Any]:
        """The datasets that the axes ``dataset.KEY`` of studies describe, by `derived_dataset`."""
        found: dict[str, Any] = {}
        studies = self.sections.get("studies")
        for name, study in studies.items() if isinstance(studies, dict) else ():
            try:
                axes, variants = study["axes"], self.sections["variants"]
                own = {k: v for k, v in axes.items() if str(k).startswith(DATASET_AXIS)}
                bases = axes.get("dataset") or [variants[study["variant"]]["dataset"]]
                for base, *values in itertools.product(bases, *own.values()) if own else ():
                    changes = dict(zip(own, values, strict=True))
                    member, entry = derived_dataset(datasets, base, changes)
                    if member not in datasets:
                        found[member] = entry
            # The study is reported as it is, by its own checks.
            except (KeyError, TypeError, AttributeError):
                continue
            except ParamsError as error:
                at = child("studies", name)
                self.errors += [replace(e, key=f"{at}.axes") for e in error.errors]
        return found

    def _expanded(self, section: str, entries: dict[Any, Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for name, entry in entries.items():
            key = child(section, name)
            if not (isinstance(name, str) and isinstance(entry, dict)):
                members, chain = {name: entry}, []
            else:
                try:
                    chain = self._chain(section, name, key)
                    members = self._members(section, name, key, chain)
                except ParamsError as error:
                    self.errors += error.errors
                    members, chain = {name: UNREADABLE}, []
            for member, value in members.items():
                if member in found or (member != name and member in entries):
                    problem = f"two variants would have the name {shown(member)}"
                    self.errors.append(ErrorDetail(key, problem))
                found[member] = value
                if chain:
                    self._origins[section, member] = chain
        return found

    def _chain(self, section: str, name: str, key: str) -> list[str]:
        """The names of an entry, its base, the base of that, and so on."""
        entries, chain = self._raw[section], [name]
        while isinstance(entry := entries[chain[-1]], dict) and _BASE in entry:
            base, where = entry[_BASE], child(child(section, chain[-1]), _BASE)
            if not isinstance(base, str) or base not in entries:
                names = [n for n in entries if isinstance(n, str) and n != chain[-1]]
                problem = f"no entry {shown(base)} in {section}"
                _fail(unknown(where, problem, base, names))
            if base in chain:
                _fail(ErrorDetail(where, f"{' -> '.join([*chain, base])} is a cycle"))
            chain.append(base)
        if not isinstance(entry, dict):
            _fail(ErrorDetail(key, f"its base {chain[-1]} is no mapping"))
        return chain

    def _members(self, section: str, name: str, key: str, chain: list[str]) -> dict[str, Any]:
        """The expanded entry by its name, or those of its grid."""
        entry: _Entry = {}
        for origin in reversed(chain):
            own = self._raw[section][origin]
            entry |= {k: copy.deepcopy(v) for k, v in own.items() if "." not in str(k)}
            for path, value in own.items():
                if "." in str(path):
                    if not entry or (len(chain) == 1 and str(path).partition(".")[0] not in entry):
                        problem = "a key with dots changes a value of a base, and there is none"
                        _fail(ErrorDetail(f"{key}.{path}", problem))
                    set_value(entry, str(path), copy.deepcopy(value), key)
        entry.pop(_BASE, None)
        if section != "variants" or _GRID not in entry:
            return {name: entry}
        return _grid(name, entry, child(key, _GRID))


def derived_dataset(
    datasets: Mapping[str, Any], base: str, changes: Mapping[str, Any]
) -> tuple[str, _Entry]:
    """The name and the settings of a dataset with other values at keys ``dataset.KEY``.

    It is `base` itself if the values are those that it has. Raises KeyError or ParamsError.
    """
    entry, name = copy.deepcopy(dict(datasets[base])), base
    for axis, value in changes.items():
        key = str(axis).removeprefix(DATASET_AXIS)
        if entry.get(key) != value:
            set_value(entry, key, copy.deepcopy(value), f"datasets.{base}")
            name += f"-{_axis_name(key)}-{_value_name(value)}"
    return name, entry


def set_value(entry: _Entry, path: str, value: object, key: str) -> None:
    """Change the value at a path such as ``layers.1.LSTM.units``, in place.

    A name without arguments, such as ``optimizer: Adam``, can get some. Raises ParamsError, for the
    entry at `key`, if the path leads nowhere.
    """
    place: Any = entry
    rest = path
    while True:
        part = _next_part(place, rest, f"{key}.{path}")
        rest = rest.removeprefix(str(part)).removeprefix(".")
        if not rest:
            place[part] = value
            return
        inner = place[part]
        if isinstance(inner, str) and (rest == inner or rest.startswith(f"{inner}.")):
            place[part] = {inner: {}}
        elif inner is None:
            place[part] = {}
        place = place[part]


def _next_part(place: Any, rest: str, key: str) -> str | int:
    """The first part of a path: an index of a list, or a key, which can contain dots."""
    first = rest.partition(".")[0]
    if isinstance(place, list):
        if first.isdecimal() and int(first) < len(place):
            return int(first)
        _fail(ErrorDetail(key, f"no item {shown(first)} in a list of {len(place)}"))
    if not isinstance(place, dict):
        _fail(ErrorDetail(key, f"{shown(place)} has no {shown(first)}"))
    found = [k for k in map(str, place) if rest == k or rest.startswith(f"{k}.")]
    if found:
        return max(found, key=len)
    if "." in rest:
        _fail(unknown(key, f"no key {shown(first)} to change", first, map(str, place)))
    return rest


def _grid(name: str, entry: _Entry, key: str) -> dict[str, Any]:
    """A variant for each combination of the grid's values, named after them."""
    axes = entry.pop(_GRID)
    if not isinstance(axes, dict):
        _fail(unexpected(key, axes, "a mapping of keys to lists of values"))
    for path, values in axes.items():
        if not isinstance(values, list) or not values:
            _fail(unexpected(child(key, path), values, "a list of values"))
    if (count := math.prod(map(len, axes.values()))) > _MAX_MEMBERS:
        _fail(ErrorDetail(key, f"has {count} combinations", f"up to {_MAX_MEMBERS}"))
    members: dict[str, Any] = {}
    for combination in itertools.product(*axes.values()):
        member = copy.deepcopy(entry)
        parts = [name]
        for path, value in zip(axes, combination, strict=True):
            set_value(member, str(path), copy.deepcopy(value), key)
            parts.append(f"{_axis_name(str(path))}-{_value_name(value)}")
        full = "-".join(parts)
        if full in members:
            problem = f"two of its values have the name {shown(full)}"
            _fail(ErrorDetail(key, problem, "values that differ in letters or digits"))
        members[full] = member
    return members


def _axis_name(path: str) -> str:
    names = [part for part in path.split(".") if not part.isdecimal()]
    return _NOT_PLAIN.sub("_", names[-1].lower()) if names else "item"


def _value_name(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return _NOT_PLAIN.sub("_", text.lower()).strip("_")


def _fail(error: ErrorDetail) -> None:
    raise ParamsError("params.yaml", [error])
