"""How axes and their values are called on pages and in pictures."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

# The file or the package of a layer such as FILE.py:Class.
_SOURCE = re.compile(r"[\w./-]+:(?=[A-Za-z_])")


def axis_name(axis: str) -> str:
    """An axis, in words."""
    return axis.removeprefix("dataset.").replace("_", " ")


def facet_name(facet: dict[str, Any]) -> str:
    """The values of the axes that are not compared, in words."""
    return ", ".join(_value_name(axis, value) for axis, value in facet.items())


def level_name(axis: str, level: Any) -> str:
    """A compared value, with its axis unless it is a text; of FILE.py:Class the class."""
    return _SOURCE.sub("", level) if isinstance(level, str) else _value_name(axis, level)


def _value_name(axis: str, value: Any) -> str:
    if axis in ("cell", "dataset"):
        return level_name(axis, str(value))
    # 30 parameters, but depth 2.
    if _is_count(value) and axis.endswith("s") and "." not in axis:
        return f"{value:,} {axis_name(axis)}"
    return f"{axis_name(axis)} {value}"


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
