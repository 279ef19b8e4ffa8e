"""Layers that are not Keras's own: classes of project files and of installed packages.

params.yaml names them ``FILE.py:NAME``, where the path is relative to its folder, or
``PACKAGE.MODULE:NAME``. Importing this module imports neither Keras nor any of them.

A project file is loaded by its content: two versions of it are two modules, so a trained model
runs the copy of the file next to it, whatever the project has now. Keras's global registry would
mix them up; the classes are passed to Keras in a scope instead.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.abc
import importlib.util
import inspect
import json
import re
import sys
import traceback
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.root import find_root
from rnnbench.core.validation import ErrorDetail, shown, unknown
from rnnbench.models.keras.runtime import load_backend

# Modules get such names, which no import statement would use.
_PREFIX = "rnnbench_layers_"
# The models of the same folder are files replicate_N.
_FILE_NAME = re.compile(r"(?!replicate_)[A-Za-z_]\w*\.py")
_MAX_LENGTH = 300

# Reference as in params.yaml -> its class.
Classes = Mapping[str, type]


class CodeError(Exception):
    """A project file cannot be loaded."""


def is_reference(name: str) -> bool:
    """Whether a layer's name in params.yaml is not one of Keras."""
    return ":" in name


def project_file(name: str) -> str | None:
    """The file that a reference names, a relative posix path; None for an installed package."""
    source = name.rpartition(":")[0]
    return PurePosixPath(source).as_posix() if source.endswith(".py") else None


def reference_error(name: str) -> str | None:
    """What is wrong with the form of a reference."""
    source, _, class_name = name.rpartition(":")
    if not class_name.isidentifier():
        return f"got {shown(name)}, expected FILE.py:CLASS or PACKAGE.MODULE:CLASS"
    if (file := project_file(name)) is None:
        if all(part.isidentifier() for part in source.split(".")):
            return None
        return f"got {shown(name)}, expected FILE.py:CLASS or PACKAGE.MODULE:CLASS"
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        return (
            f"{shown(source)} is not a path below the folder of params.yaml; DVC could not track it"
        )
    if not _FILE_NAME.fullmatch(path.name):
        return (
            f"{shown(path.name)} is no name of a module: letters, digits and _, not beginning with "
            "a digit or replicate_"
        )
    return None


def place_error(files: Iterable[str]) -> str | None:
    """What is wrong with the places of a variant's project files.

    DVC tracks one path per variant, and the models are stored with all files in one folder.
    """
    folders = {PurePosixPath(file).parent for file in files}
    if len(set(files)) > 1 and (len(folders) > 1 or folders == {PurePosixPath()}):
        return (
            f"the layers come from {', '.join(sorted(set(files)))}, expected one file, or files of "
            "one folder below that of params.yaml"
        )
    return None


def project_root() -> Path:
    """The folder that the paths of project files are relative to."""
    return find_root(Path.cwd()) or Path.cwd()


def find_class(name: str, key: str, folder: Path) -> type:
    """The keras.Layer that a reference at `key` names; its file is in the project `folder`.

    Raises ParamsError.
    """
    if problem := reference_error(name):
        raise ParamsError("params.yaml", [ErrorDetail(key, problem)])
    source, _, class_name = name.rpartition(":")
    file = project_file(name)
    module = _installed(source, key) if file is None else _of_project(folder, file, key)
    _, keras = load_backend()
    layers = {n: v for n, v in _classes(module).items() if issubclass(v, keras.Layer)}
    found = vars(module).get(class_name)
    if class_name in layers or (
        file is None and inspect.isclass(found) and issubclass(found, keras.Layer)
    ):
        cls: type = vars(module)[class_name]
        return cls
    if found is None:
        detail = unknown(key, f"{source} has no class {shown(class_name)}", class_name, layers)
    else:
        problem = f"{class_name} of {source} is no keras.Layer"
        if inspect.isclass(found) and issubclass(found, keras.Layer):
            problem = f"{class_name} is imported by {source}, not defined there"
        detail = ErrorDetail(key, problem, ", ".join(layers) or "none")
    raise ParamsError("params.yaml", [detail])


def _of_project(folder: Path, file: str, key: str) -> ModuleType:
    path = folder / file
    if not path.is_file():
        others = sorted(p.relative_to(folder).as_posix() for p in path.parent.glob("*.py"))
        raise ParamsError("params.yaml", [unknown(key, f"no file {shown(file)}", file, others)])
    if not path.resolve().is_relative_to(folder.resolve()):
        problem = f"{file} is a link out of the project, where DVC cannot track it"
        raise ParamsError("params.yaml", [ErrorDetail(key, problem)])
    try:
        return load_file(path, folder)
    except CodeError as error:
        raise ParamsError("params.yaml", [ErrorDetail(key, str(error))]) from error


def _installed(source: str, key: str) -> ModuleType:
    top = source.partition(".")[0]
    problem = ""
    if top == "keras":
        problem = "Keras's own layers have their name only"
    elif not packages_distributions().get(top):
        problem = f"no installed package {shown(top)}; a file of the project would be {top}.py:..."
    if not problem:
        try:
            return importlib.import_module(source)
        except Exception as error:
            problem = f"{source} cannot be imported: {_worded(error)}"
    raise ParamsError("params.yaml", [ErrorDetail(key, problem)])


def load_file(path: Path, *folders: Path) -> ModuleType:
    """The module of a project file, the same one for the same name and content.

    folders: those, besides the folder of the file, whose files it must not import: a change of them
    would train nothing again. Raises CodeError.
    """
    load_backend()
    try:
        source = path.read_bytes()
        tree = ast.parse(source, str(path))
    except OSError as error:
        raise CodeError(f"{path}: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        raise CodeError(f"{path.name}, line {line}: {_worded(error)}") from error
    for line, module in _imports(tree):
        if sibling := _sibling(module, (path.parent, *folders)):
            raise CodeError(
                f"{path.name}, line {line}: imports {sibling}, which would be a dependency that "
                "nothing tracks; move the code into this file, or install it as a package"
            )
    return _module(path.name, source, path)


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each imported module; relative ones begin with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or node.names[0].name)


def _sibling(module: str, folders: Iterable[Path]) -> str | None:
    """The file or folder of the project that `import module` means, if it means one."""
    if module.startswith("."):
        return module
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    for folder in folders:
        for place in (folder / f"{top}.py", folder / top):
            if not place.is_file() and not any(place.glob("*.py")):
                continue
            try:
                spec = importlib.util.find_spec(top)
            except (ImportError, ValueError):
                spec = None
            origin = None if spec is None or spec.origin is None else Path(spec.origin)
            if origin is None or origin in (place, place / "__init__.py"):
                return place.name
    return None


class _Loader(importlib.abc.InspectLoader):
    """Runs a source that was already read, and writes no bytecode next to its file."""

    def __init__(self, source: bytes, path: Path) -> None:
        self._source, self._path = source, path

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        return importlib.util.decode_source(self._source)

    def get_code(self, fullname: str) -> Any:  # noqa: ARG002
        return self.source_to_code(self._source, str(self._path))


_modules: dict[str, ModuleType] = {}


def _module(file: str, source: bytes, path: Path) -> ModuleType:
    name = _PREFIX + hashlib.sha256(file.encode() + b"\0" + source).hexdigest()[:16]
    if name in _modules:
        return _modules[name]
    _, keras = load_backend()
    registry = keras.saving.get_custom_objects()
    before = dict(registry)
    loader = _Loader(source, path)
    spec = importlib.util.spec_from_loader(name, loader, origin=str(path))
    assert spec is not None
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    # Python looks up the module of a class there.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), 0)
        raise CodeError(f"{file}, line {line}: {_worded(error)}") from error
    finally:
        # Its own objects, which a decorator has registered; libraries that it imports keep theirs.
        for key, value in list(registry.items()):
            if getattr(value, "__module__", None) == name and before.get(key) is not value:
                _objects.setdefault(name, {})[key] = value
                _restore(registry, before, key)
    for cls_name, cls in _classes(module).items():
        if hasattr(cls, "get_config"):
            keras.saving.register_keras_serializable(file, cls_name)(cls)
            key = f"{file}>{cls_name}"
            _objects.setdefault(name, {})[key] = cls
            _restore(registry, before, key)
    _modules[name] = module
    return module


# Module -> registered name -> what Keras may have to find by it.
_objects: dict[str, dict[str, Any]] = {}


def _restore(registry: dict[str, Any], before: Mapping[str, Any], key: str) -> None:
    if key in before:
        registry[key] = before[key]
    else:
        del registry[key]


def _classes(module: ModuleType) -> dict[str, type]:
    """The classes that a module defines, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }


def _worded(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {message}".split())[:_MAX_LENGTH]


def scope(classes: Classes) -> AbstractContextManager[Any]:
    """Within it, Keras can copy and read layers of these classes."""
    if not classes:
        return nullcontext()
    _, keras = load_backend()
    found: dict[str, Any] = {}
    for cls in classes.values():
        found |= _objects.get(cls.__module__) or _serializable(sys.modules[cls.__module__])
    scope: AbstractContextManager[Any] = keras.saving.custom_object_scope(found)
    return scope


def _serializable(module: ModuleType) -> dict[str, Any]:
    """The classes of an installed module that Keras can write, by registered name."""
    _, keras = load_backend()
    classes = [c for c in _classes(module).values() if hasattr(c, "get_config")]
    return {keras.saving.get_registered_name(cls): cls for cls in classes}


def scope_of_archive(path: Path) -> AbstractContextManager[Any]:
    """`scope` for the layers of a .keras file; their project files are next to it.

    Raises DataError if one of them is missing or cannot be loaded, and what zipfile and json raise.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    found: dict[str, Any] = {}
    for node in _nodes(config):
        name = str(node["registered_name"])
        source = name.partition(">")[0]
        if source.endswith(".py"):
            found |= _objects_next_to(path, source)
        elif node.get("class_name") != "function" and (cls := _imported(node)) is not None:
            found[name] = cls
    if not found:
        return nullcontext()
    _, keras = load_backend()
    scope: AbstractContextManager[Any] = keras.saving.custom_object_scope(found)
    return scope


def _objects_next_to(path: Path, file: str) -> dict[str, Any]:
    if not _FILE_NAME.fullmatch(file):
        raise DataError(f"{path}: {shown(file)} is no file of a layer; run dvc repro")
    try:
        return _objects.get(load_file(path.with_name(file)).__name__, {})
    except CodeError as error:
        raise DataError(f"{path}: its layers cannot be loaded: {error}; run dvc repro") from error


def _imported(node: Mapping[str, Any]) -> type | None:
    """The class of a layer that is of an installed package but not of Keras."""
    module, name = str(node.get("module")), str(node.get("class_name"))
    top = module.partition(".")[0]
    # A .keras file must not choose what else is run.
    if top in ("keras", "builtins", "None") or not packages_distributions().get(top):
        return None
    cls = getattr(importlib.import_module(module), name, None)
    return cls if inspect.isclass(cls) and hasattr(cls, "get_config") else None


def _nodes(config: Any) -> Iterator[dict[str, Any]]:
    """The objects in a configuration of Keras that are not Keras's own."""
    if isinstance(config, dict):
        if config.get("registered_name") and "class_name" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list):
        for item in config:
            yield from _nodes(item)


def without_module(node: dict[str, Any]) -> dict[str, Any]:
    """A node of a configuration, without the name of a module made of a project file."""
    module = node.get("module")
    if isinstance(module, str) and module.startswith(_PREFIX):
        return node | {"module": str(node.get("registered_name")).partition(">")[0]}
    return node


def requirements(names: Iterable[str], folder: Path) -> tuple[str, ...]:
    """``DISTRIBUTION==VERSION`` of what layers come from or their files in `folder` import."""
    tops: set[str] = set()
    for name in names:
        if (file := project_file(name)) is None:
            tops.add(name.partition(":")[0].partition(".")[0])
        else:
            tree = ast.parse((folder / PurePosixPath(file).name).read_bytes())
            tops |= {module.partition(".")[0] for _, module in _imports(tree)}
    return _pinned(frozenset(tops))


@cache
def _pinned(tops: frozenset[str]) -> tuple[str, ...]:
    known = packages_distributions()
    found = {distribution for top in tops for distribution in known.get(top, ())[:1]}
    return tuple(sorted(f"{distribution}=={version(distribution)}" for distribution in found))
