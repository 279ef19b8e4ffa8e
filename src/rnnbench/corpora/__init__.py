"""Where samples come from: one module per corpus.

The name of the module is the kind of the corpus in params.yaml, and by default its key. A module
has

- ``TITLE``: what the corpus is, in a few words;
- ``Dataset``: the settings of its datasets, a class of `rnnbench.data.config`;
- ``Settings``: its own settings in params.yaml, a `rnnbench.corpora.base.CorpusSettings`;
- ``fetch(settings, directory)``: writes the corpus into an empty directory;
- ``read(directory)``: returns what ``fetch`` wrote, as a class of `rnnbench.corpora.base`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = (
    "adding",
    "arithmetic",
    "bit_parity",
    "characters",
    "copying",
    "imdb",
    "mnist1d",
    "product",
    "reuters",
    "series",
    "table",
)


def load(name: str) -> ModuleType:
    """The module of one corpus; `name` is one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name}")
