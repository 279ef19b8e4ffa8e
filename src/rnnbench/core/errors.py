"""Every error that a user can cause or meet.

RnnbenchError
├── ParamsError       params.yaml does not describe a valid plan        exit status 2
├── UnknownNameError  a name on the command line does not exist         exit status 2
├── DownloadError     a corpus could not be fetched or failed its hash  exit status 1
├── DataError         a prepared file is missing, damaged or unusable   exit status 1
└── TrainingError     a training did not yield a usable model           exit status 1
    └── DivergedError  a loss became no number; other replicates go on

Anything else that escapes is a bug of ours and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rnnbench.core.validation import ErrorDetail, nearest


class RnnbenchError(Exception):
    """Base of every error that the command line reports in one line, without a traceback."""

    exit_status = 1


class ParamsError(RnnbenchError):
    """All mistakes of a parameter file, one line each."""

    exit_status = 2

    def __init__(self, file: str, mistakes: Iterable[ErrorDetail]) -> None:
        self.file = file
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(f"{file}: {mistake}" for mistake in self.mistakes))

    def under(self, key: str) -> ParamsError:
        """The same mistakes, with keys that start at `key`."""
        return ParamsError(self.file, (replace(m, key=f"{key}.{m.key}") for m in self.mistakes))


class UnknownNameError(RnnbenchError):
    """A variant, dataset or corpus that params.yaml does not have."""

    exit_status = 2

    def __init__(self, kind: str, given: str, allowed: Iterable[str]) -> None:
        names = sorted(allowed)
        text = f"params.yaml: no {kind} {given!r}; allowed: {', '.join(names)}"
        if suggestion := nearest(given, names):
            text += f"; did you mean {suggestion!r}?"
        super().__init__(text)


class DownloadError(RnnbenchError):
    """A corpus could not be fetched, or what came is not what was pinned."""


class DataError(RnnbenchError):
    """A file of data/ or models/ is missing, damaged, or cannot serve its purpose."""


class TrainingError(RnnbenchError):
    """A training did not yield a usable model."""


class DivergedError(TrainingError):
    """A loss became no number in one epoch, counted from 1."""

    def __init__(self, epoch: int, loss: float) -> None:
        self.epoch = epoch
        super().__init__(f"the loss became {loss} in epoch {epoch}")
