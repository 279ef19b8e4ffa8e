"""Model families: one package per family, behind the protocol of `base`.

The name of the package is the value of a variant's ``model`` key in params.yaml. A package has

- ``Settings``: the settings of its variants in params.yaml, a subclass of `base.VariantSettings`;
- ``role(settings)``: one of `rnnbench.data.roles`;
- ``describe(settings)``: the architecture as flat scalars, a `base.Architecture`;
- ``model_class()``: its `base.Model`; imports the libraries that train and predict;
- optionally ``check(settings, key)``: the errors beyond the types of the settings, found by the
  family's library for `rnnbench check`.

Importing a family is cheap: only `model_class` and `check` import TensorFlow.
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = ("constant", "keras", "linear", "numpy_rnn")


def load(name: str) -> ModuleType:
    """The package of one family; `name` is one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name}")
