"""Values of axes are called by what tells them apart."""

from typing import Any

import pytest

from rnnbench.report.studies.names import facet_name, level_name
from rnnbench.studies.outputs import level_text


@pytest.mark.parametrize(
    ("axis", "value", "name"),
    [
        ("cell", "GRU", "GRU"),
        ("cell", "rnncells:MinGRU", "MinGRU"),
        ("cell", "layers/my_cells.py:MinGRU", "MinGRU"),
        ("cell", {"GRU": {"dropout": 0.2}}, "{'GRU': {'dropout': 0.2}}"),
        ("cell", {"my_cells.py:MinGRU": {"dropout": 0.2}}, "{'MinGRU': {'dropout': 0.2}}"),
        ("dataset", "product_20", "product_20"),
        ("depth", 2, "depth 2"),
        ("parameters", 6000, "6,000 parameters"),
        ("bidirectional", True, "bidirectional True"),
        ("dataset.length", 20, "length 20"),
    ],
)
def test_a_value_has_the_same_name_compared_or_not(axis: str, value: Any, name: str) -> None:
    level = level_text(value) if isinstance(value, dict) else value
    assert level_name(axis, level) == facet_name({axis: level}) == name
