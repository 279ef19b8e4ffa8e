"""Model families: one package a family, behind the protocol of `base`.

The package's name is the value of a variant's ``model`` key in params.yaml. A package offers

- ``Settings``: a variant's part of params.yaml, a subclass of `base.VariantSettings`;
- ``role(settings)``: one of `rnnbench.data.roles`;
- ``describe(settings)``: the architecture as flat scalars, to compare runs by;
- ``model_class()``: the class behind `base.Model`; only this call imports what trains and predicts;
- optionally ``check(settings, key)``: the errors beyond the types of the settings, found by the
  family's library for `rnnbench check`.

Importing a family module stays cheap: TensorFlow is imported only by what trains or predicts.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

_HELPERS = {"base"}


def names() -> list[str]:
    """The families that exist, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _HELPERS)


def load(name: str) -> ModuleType:
    """The module of one family; `name` is one of `names()`."""
    return importlib.import_module(f"{__name__}.{name}")
