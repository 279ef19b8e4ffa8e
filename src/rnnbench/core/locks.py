"""Locks between processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from rnnbench.core.workspace import Workspace


@contextmanager
def stage_lock(
    workspace: Workspace, stage: str, name: str, warn: Callable[[str], None]
) -> Iterator[None]:
    """Hold an exclusive lock for this stage instance; `warn` reports that it has to wait.

    If DVC was killed, its stage may still be running when the next one starts.
    """
    path = workspace.lock(stage, name)
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warn(f"another process is running {stage} of {name}; waiting for it to finish")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
