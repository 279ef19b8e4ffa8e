"""The errors of one file of the user."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from rnnbench.core.errors import DataError
from rnnbench.core.validation import shown

# How many errors are reported at once, and how many of the rows that are left out.
MAX_ERRORS = 5


class Errors:
    """The errors of one file, several of which are reported at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._messages: list[str] = []

    def add(self, place: str, problem: str, column: str | None = None) -> None:
        """Note an error; raises DataError if there are `MAX_ERRORS`."""
        where = [str(self.path), place, f"column {shown(column)}" if column is not None else ""]
        self._messages.append(f"{', '.join(filter(None, where))}: {problem}")
        if len(self._messages) >= MAX_ERRORS:
            self.check()

    def check(self) -> None:
        """Raise a DataError with all errors, if there are any."""
        if self._messages:
            raise DataError("\n".join(self._messages))

    def stop(self, place: str, problem: str, column: str | None = None) -> NoReturn:
        """Raise a DataError with this error and those before."""
        self.add(place, problem, column)
        raise DataError("\n".join(self._messages))
