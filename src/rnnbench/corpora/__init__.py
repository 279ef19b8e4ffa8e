"""Where samples come from: one module a corpus.

The module's name is the corpus's key in params.yaml. A module offers

- ``TITLE``: what the corpus is, in a few words;
- ``Dataset``: what its datasets say in params.yaml, a class of `rnnbench.data.config`;
- ``Settings``: its part of params.yaml, a subclass of `rnnbench.core.schema.Settings`;
- ``fetch(settings, directory)``: writes the corpus into an empty directory;
- ``read(directory)``: gives what ``fetch`` wrote, as `rnnbench.corpora.base` describes it.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

_HELPERS = {"base", "jsonl", "numbers"}


def names() -> list[str]:
    """The corpora that exist, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _HELPERS)


def load(name: str) -> ModuleType:
    """The module of one corpus; `name` is one of `names()`."""
    return importlib.import_module(f"{__name__}.{name}")
