"""Wording of mistakes: values shown briefly, and pydantic's errors in plain words."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

# A file with more is no slip any more; the limits bound the time and the length of a message.
MAX_REPORTED = 100
_MOST_COMPARED = 500
_LONGEST_LIST = 2000
_LONGEST = 60
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")

_brief = reprlib.Repr()
_brief.maxlevel = 2
_brief.maxstring = _brief.maxother = _LONGEST

# pydantic's names of errors; "{...}" is filled from the error's context.
_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "string_unicode": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
}


@dataclass(frozen=True)
class ErrorDetail:
    """One thing wrong in a file: where it stands, what was given, what is allowed."""

    key: str
    problem: str
    allowed: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        text = f"{self.key}: {self.problem}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.suggestion:
            text += f"; did you mean {self.suggestion!r}?"
        return text


def nearest(given: object, allowed: Iterable[str]) -> str | None:
    """The allowed name closest to the given one, or None if none is close."""
    matches = difflib.get_close_matches(str(given), list(allowed), n=1, cutoff=0.6)
    return matches[0] if matches else None


def shown(value: object) -> str:
    """The value as YAML spells it, cut to 60 characters."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _cut(_brief.repr(value), _LONGEST)


def child(key: str, part: object) -> str:
    """The key of an entry: `key.part`, or `key[part]` for a place in a list."""
    if isinstance(part, int) and not isinstance(part, bool):
        return f"{key}[{shown(part)}]"
    return f"{key}.{_plain(part)}" if key else _plain(part)


def unexpected(key: str, given: object, expected: str) -> ErrorDetail:
    """A value of the wrong kind or outside its range."""
    return ErrorDetail(key, f"got {shown(given)}, expected {expected}")


def unknown(key: str, problem: str, given: object, allowed: Iterable[str]) -> ErrorDetail:
    """A name that does not exist, with all that do and the nearest of them."""
    names = list(islice(allowed, _MOST_COMPARED))
    told = _cut(", ".join(_plain(name) for name in names), _LONGEST_LIST)
    # The time of a comparison grows with the square of the length.
    wanted = given[:_LONGEST] if isinstance(given, str) else shown(given)
    return ErrorDetail(key, problem, told or "none", nearest(wanted, names))


def of_validation(
    error: ValidationError, model: type[BaseModel], key: str
) -> Iterator[ErrorDetail]:
    """What pydantic found wrong when it validated `model` at `key`."""
    for detail in error.errors(include_url=False):
        yield _of_detail(dict(detail), model, key)


def _of_detail(detail: dict[str, Any], model: type[BaseModel], key: str) -> ErrorDetail:
    *parents, last = detail["loc"] or (None,)
    place = key
    for part in detail["loc"]:
        place = child(place, part)
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return ErrorDetail(place, f"{last} is missing")
    if kind == "extra_forbidden":
        return unknown(place, f"unknown key {shown(last)}", last, _fields(model, parents))
    if kind == "invalid_key":
        return unknown(place, f"unknown key {shown(given)}", given, _fields(model, parents))
    if kind == "value_error":
        return ErrorDetail(place, str(context["error"]))
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", context["expected"])
        return unknown(place, f"got {shown(given)}, expected one of the allowed", given, names)
    # A kind that the table lacks still says in pydantic's words what is wrong.
    expected = _EXPECTED.get(kind)
    if expected is None:
        return ErrorDetail(place, f"got {shown(given)}: {detail['msg']}")
    return unexpected(place, given, expected.format(**context))


def _fields(model: type[BaseModel], parents: Iterable[object]) -> list[str]:
    """The keys that the (nested) settings at this place have."""
    for part in parents:
        annotation = model.model_fields[str(part)].annotation
        model = next(
            choice
            for choice in (annotation, *get_args(annotation))
            if isinstance(choice, type) and issubclass(choice, BaseModel)
        )
    return list(model.model_fields)


def _plain(part: object) -> str:
    """A key or a name as it is where that is safe to print."""
    return part if isinstance(part, str) and _PLAIN_KEY.fullmatch(part) else shown(part)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
