"""The package needs Keras only."""

import ast
import sys
from pathlib import Path

import keras
import pytest

import rnncells

MODULES = sorted(Path(rnncells.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_imports_keras_numpy_and_itself_only(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    names |= {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    assert packages <= {"keras", "numpy", "rnncells"}


def test_it_exports_layers() -> None:
    layers = [getattr(rnncells, name) for name in rnncells.__all__]
    assert all(issubclass(layer, keras.Layer) for layer in layers)
    names = [keras.saving.get_registered_name(layer) for layer in layers]
    assert names == [f"rnncells>{layer.__name__}" for layer in layers]
