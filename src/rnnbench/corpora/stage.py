"""The download stage: one corpus of params.yaml -> data/raw."""

from __future__ import annotations

from pathlib import Path

from rnnbench import corpora
from rnnbench.core.schema import Schema


def download(name: str, settings: Schema, directory: Path) -> None:
    """Write corpus `name` into the empty folder `directory`; raises DownloadError."""
    corpora.load(name).fetch(settings, directory)
