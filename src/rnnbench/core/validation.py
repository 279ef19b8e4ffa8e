"""Error messages for invalid settings: the key, the given value, what is allowed."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

MAX_LENGTH = 60
_PLAIN_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}")

_brief = reprlib.Repr()
_brief.maxlevel = 2
_brief.maxstring = _brief.maxother = MAX_LENGTH


@dataclass(frozen=True)
class ErrorDetail:
    """One error in a file.

    key: where it is, such as ``variants.lstm.epochs``.
    problem: what is wrong, with the given value.
    allowed: what would be valid, if that can be listed.
    suggestion: the valid name that was probably meant.
    """

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


def shown(value: object) -> str:
    """The value as YAML writes it, cut to `MAX_LENGTH` characters."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = _brief.repr(value)
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def child(key: str, part: object) -> str:
    """The key of an entry: `key.part`, or `key[part]` for an index of a list."""
    if isinstance(part, int) and not isinstance(part, bool):
        return f"{key}[{part}]"
    return f"{key}.{_plain(part)}" if key else _plain(part)


def unexpected(key: str, given: object, expected: str) -> ErrorDetail:
    """A value of the wrong type or outside its range."""
    return ErrorDetail(key, f"got {shown(given)}, expected {expected}")


def unknown(key: str, problem: str, given: object, allowed: Iterable[str]) -> ErrorDetail:
    """A name that does not exist, with all that do and the nearest of them."""
    names = list(allowed)
    nearest = next(iter(difflib.get_close_matches(str(given), names, n=1)), None)
    return ErrorDetail(key, problem, ", ".join(map(_plain, names)) or "none", nearest)


def pydantic_errors(error: ValidationError, model: type[BaseModel], key: str) -> list[ErrorDetail]:
    """What pydantic found wrong when it validated a `model` at `key`."""
    return [_detail(details, model, key) for details in error.errors(include_url=False)]


def _detail(details: ErrorDetails, model: type[BaseModel], key: str) -> ErrorDetail:
    for part in details["loc"]:
        key = child(key, part)
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return ErrorDetail(key, "is missing")
    if kind in ("extra_forbidden", "invalid_key"):
        name = given if kind == "invalid_key" else details["loc"][-1]
        return unknown(key, f"unknown key {shown(name)}", name, model.model_fields)
    if kind == "value_error":
        return ErrorDetail(key, str(context["error"]))
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", context["expected"])
        return unknown(key, f"got {shown(given)}, expected one of the allowed", given, names)
    # "Input should be a valid dictionary or instance of Settings"
    message = details["msg"].removeprefix("Input ").split(" or instance of ")[0]
    return ErrorDetail(key, f"got {shown(given)}; {message}")


def _plain(part: object) -> str:
    """A key or a name: quoted unless it is safe to print."""
    return part if isinstance(part, str) and _PLAIN_KEY.fullmatch(part) else shown(part)
