"""The project that a store has runs of, and the names of its experiments and models there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rnnbench.core.errors import DataError
from rnnbench.core.root import PARAMS, original_root
from rnnbench.core.workspace import Workspace

_VARIABLE = "RNNBENCH_PROJECT"
# Together with the name of a corpus, which is as long at most, it fits into MLflow's columns.
_NAME = re.compile(r"\w[\w.-]{0,99}")
# Also what has a meaning in MLflow's filters and in addresses such as models:/NAME@champion.
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


def project_root(workspace: Workspace) -> Path:
    """The root of the project that the store belongs to.

    It is the workspace's own, unless DVC runs a queued experiment in a copy below the project.
    DVC_ROOT would name the project too, but also any other one that has run this process.
    """
    return original_root(workspace.root)


def is_project(workspace: Workspace) -> bool:
    """Whether the workspace is the project itself, not a copy that runs a queued experiment."""
    return project_root(workspace) == workspace.root.resolve()


def project_name(workspace: Workspace) -> str:
    """RNNBENCH_PROJECT, by default the name of the project's folder.

    A folder's name has "-" in place of other characters than letters, digits, ".", "_" and "-". The
    name of a project directly inside another one, such as quick/, is OUTER-INNER. Raises DataError
    if the name is not valid.
    """
    root = project_root(workspace)
    folders = [root.parent, root] if (root.parent / PARAMS).is_file() else [root]
    names = [_NOT_IN_NAMES.sub("-", folder.name).strip("-.") for folder in folders]
    given = os.environ.get(_VARIABLE)
    if given:
        names[0] = given
    name = "-".join(names)
    if not _NAME.fullmatch(name):
        source = f"{_VARIABLE}={given!r}" if given else f"the name of the folder {root}"
        raise DataError(
            f"{source} cannot be the name of a project in MLflow; set {_VARIABLE} to at most 100 "
            "letters, digits, '.', '_' and '-', the first one a letter or digit"
        )
    return name


def name_in_mlflow(workspace: Workspace, corpus: str) -> str:
    """The name of the experiment of a corpus, and of its registered model."""
    # MLflow allows no "/" in the name of a registered model.
    return f"{project_name(workspace)}-{corpus}"
