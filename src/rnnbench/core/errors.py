"""Every error that a user can cause or run into.

RnnbenchError
├── ParamsError       params.yaml does not describe a valid run         exit status 2
├── UnknownNameError  a name on the command line does not exist         exit status 2
├── DownloadError     a corpus could not be fetched or failed its hash  exit status 1
├── DataError         a file, the store or a port cannot be used        exit status 1
└── TrainingError     a training did not yield a usable model           exit status 1
    └── DivergedError  the loss of one replicate is not finite; the others continue

The command line explains any other exception as well as it can; --debug shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rnnbench.core.validation import ErrorDetail, unknown


class RnnbenchError(Exception):
    """Base of all errors that the command line reports in one line, without a traceback."""

    exit_status = 1


class ParamsError(RnnbenchError):
    """All errors of a parameter file, one per line."""

    exit_status = 2

    def __init__(self, file: str, errors: Iterable[ErrorDetail]) -> None:
        self.file = file
        self.errors = tuple(errors)
        super().__init__("\n".join(f"{file}: {error}" for error in self.errors))

    def under(self, key: str) -> ParamsError:
        """The same errors, with `key` in front of their keys."""
        return ParamsError(self.file, (replace(e, key=f"{key}.{e.key}") for e in self.errors))


class UnknownNameError(RnnbenchError):
    """A variant, dataset or corpus that is not in params.yaml."""

    exit_status = 2

    def __init__(self, kind: str, given: str, allowed: Iterable[str]) -> None:
        super().__init__(
            str(unknown("params.yaml", f"no {kind} {given!r}", given, sorted(allowed)))
        )


class DownloadError(RnnbenchError):
    """A corpus could not be fetched, or its hash is not the pinned one."""


class DataError(RnnbenchError):
    """A file of data/ or models/ is missing, damaged or unsuitable."""


class ClusterError(RnnbenchError):
    """There is no such Dask scheduler, or it was lost."""


class TrainingError(RnnbenchError):
    """A training did not yield a usable model."""


class DivergedError(TrainingError):
    """The loss of an epoch, counted from 1, is not finite, or no prediction is a number."""

    def __init__(self, epoch: int, loss: float) -> None:
        self.epoch = epoch
        super().__init__(f"the loss became {loss} in epoch {epoch}")
