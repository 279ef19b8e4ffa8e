"""Model families: one package per family, on the base classes of `base`.

The name of the package is the value of a variant's ``model`` key in params.yaml. A package has

- ``Settings``: the settings of its variants in params.yaml, a `base.VariantSettings`;
- ``model.Model``: its `base.Model`.

Importing a package is cheap: its module ``model`` imports the libraries that train and predict.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

NAMES = ("constant", "ensemble", "keras", "linear", "ngram_lstm", "numpy_rnn")
# Those that train models of other families.
_COMPOSITE = ("ensemble", "ngram_lstm")


def load(name: str) -> ModuleType:
    """The package of one family; `name` is one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name}")


def model_class(name: str) -> type[Any]:
    """The `base.Model` of one family; can import TensorFlow, which takes seconds."""
    cls: type[Any] = importlib.import_module(f"{__name__}.{name}.model").Model
    return cls


def source(name: str) -> str:
    """The folder, relative to this package's parent, whose code decides what a family learns."""
    return "models" if name in _COMPOSITE else f"models/{name}"
