"""Packages of the project next to rnnbench, whose layers params.yaml can name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

# PACKAGE.MODULE:NAME, as in `rnnbench.models.keras.custom`, as a text in JSON.
_REFERENCE = re.compile(r'"([A-Za-z_]\w*)(?:\.\w+)*(?<!\.py):[A-Za-z_]\w*"')


def package_files(settings: Any, root: Path) -> tuple[str, ...]:
    """The source files of the packages in src/ that `settings` names, relative to `root`.

    settings: of lists and mappings, such as those of a variant.
    """
    names = sorted(set(_REFERENCE.findall(json.dumps(settings, default=str))))
    files = (path for name in names for path in sorted((root / "src" / name).rglob("*.py")))
    return tuple(path.relative_to(root).as_posix() for path in files)
