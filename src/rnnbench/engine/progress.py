"""The progress of many trainings, in a line."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS_BETWEEN = 10.0


class Progress:
    """Counts tasks, and reports a line at most every ten seconds, and at the end.

    total: the number of tasks. kept: how many further ones need not be trained again.
    """

    def __init__(self, label: str, total: int, kept: int, report: Callable[[str], None]) -> None:
        self._label, self._total, self._kept, self._report = label, total, kept, report
        self.done = self.failed = 0
        self._begin = time.monotonic()
        self._reported = self._begin

    def update(self, running: int, workers: str = "") -> None:
        """Report if it is time for it; workers: a remark on who does the work."""
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN:
            self.print(running, workers)

    def print(self, running: int = 0, workers: str = "") -> None:
        """Report now."""
        self._reported = time.monotonic()
        elapsed = self._reported - self._begin
        parts = [f"{self.done} of {self._total} trained", f"{running} running"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self._kept} kept"] if self._kept else []
        left = self._total - self.done - self.failed
        if self.done and left:
            parts.append(f"{60 * self.done / elapsed:.1f} a minute")
            parts.append(f"{_duration(elapsed / self.done * left)} left")
        elif not left:
            parts.append(f"in {_duration(elapsed)}")
        parts += [workers] if workers else []
        self._report(f"{self._label}  {', '.join(parts)}")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
