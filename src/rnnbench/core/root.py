"""The root of a project. The standard library only: it is needed before other imports."""

from __future__ import annotations

from pathlib import Path

PARAMS, PLAN = "params.yaml", "plan.json"
# Where DVC copies a project to run a queued experiment.
_EXPERIMENTS = (".dvc", "tmp", "exps")


def find_root(start: Path) -> Path | None:
    """The nearest folder from `start` upwards that contains params.yaml; None if there is none."""
    folders = (start, *start.parents)
    return next((folder for folder in folders if (folder / PARAMS).is_file()), None)


def original_root(root: Path) -> Path:
    """The root of the project that `root` is a copy of, made by DVC; otherwise `root` itself."""
    root = root.resolve()
    parts, length = root.parts, len(_EXPERIMENTS)
    copies = [i for i in range(len(parts)) if parts[i : i + length] == _EXPERIMENTS]
    return Path(*parts[: copies[-1]]) if copies else root
