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
import importlib.util
import inspect
import json
import re
import sys
import traceback
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import packages_distributions, version
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, cast

from rnnbench.core.errors import DataError, ParamsError
from rnnbench.core.root import find_root
from rnnbench.core.validation import shown, unknown
from rnnbench.models.keras.runtime import load_backend, refusal

# Modules get such names, which no import statement would use.
_PREFIX = "rnnbench_layers_"
# The models of the same folder are files replicate_N.
_FILE_NAME = re.compile(r"(?!replicate_)[A-Za-z_]\w*\.py")
_MAX_LENGTH = 300

# Reference as in params.yaml -> its class.
Classes = Mapping[str, type]


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
    file = project_file(name)
    modules = source.split(".") if file is None else []
    if not all(part.isidentifier() for part in (class_name, *modules)):
        return f"got {shown(name)}, expected FILE.py:CLASS or PACKAGE.MODULE:CLASS"
    if file is None:
        return None
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        wanted = "a path below the folder of params.yaml"
        return f"{shown(source)} is not {wanted}; DVC could not track it"
    if not _FILE_NAME.fullmatch(path.name):
        expected = "letters, digits and _, not beginning with a digit or replicate_"
        return f"{shown(path.name)} is no name of a module: {expected}"
    return None


def project_root() -> Path:
    """The folder that the paths of project files are relative to."""
    return find_root(Path.cwd()) or Path.cwd()


def find_class(name: str, key: str, folder: Path) -> type:
    """The keras.Layer that a reference at `key` names; its file is in the project `folder`.

    Raises ParamsError.
    """
    if problem := reference_error(name):
        raise refusal(key)(problem)
    source, _, class_name = name.rpartition(":")
    file = project_file(name)
    module = _installed(source, key) if file is None else _of_project(file, key, folder)
    _, keras = load_backend()
    found = vars(module).get(class_name)
    problem = f"{class_name} of {source} is no keras.Layer"
    if found is None:
        problem = f"{source} has no class {shown(class_name)}"
    elif inspect.isclass(found) and issubclass(found, keras.Layer):
        if file is None or found.__module__ == module.__name__:
            return cast(type, found)
        problem = f"{class_name} is imported by {source}, not defined there"
    layers = [value for value in _defined(module) if inspect.isclass(value)]
    names = [layer.__name__ for layer in layers if issubclass(layer, keras.Layer)]
    raise ParamsError("params.yaml", [unknown(key, problem, class_name, names)])


def _of_project(file: str, key: str, folder: Path) -> ModuleType:
    path = folder / file
    if not path.is_file():
        others = sorted(p.relative_to(folder).as_posix() for p in path.parent.glob("*.py"))
        raise ParamsError("params.yaml", [unknown(key, f"no file {shown(file)}", file, others)])
    if not path.resolve().is_relative_to(folder.resolve()):
        raise refusal(key)(f"{file} is a link out of the project, where DVC cannot track it")
    try:
        return load_file(path, folder)
    except DataError as error:
        raise refusal(key)(str(error)) from error


def _installed(source: str, key: str) -> ModuleType:
    top = source.partition(".")[0]
    if top == "keras":
        raise refusal(key)("Keras's own layers have their name only")
    if importlib.util.find_spec(top) is None:
        hint = f"a file of the project would be {top}.py:..."
        raise refusal(key)(f"no installed package {shown(top)}; {hint}")
    # It may import Keras, which reads its settings then.
    load_backend()
    try:
        return importlib.import_module(source)
    except Exception as error:
        raise refusal(key)(f"{source} cannot be imported: {_worded(error)}") from error


def load_file(path: Path, *folders: Path) -> ModuleType:
    """The module of a project file, the same one for the same name and content.

    folders: those, besides the folder of the file, whose files it must not import: a change of them
    would train nothing again. Raises DataError.
    """
    try:
        source = path.read_bytes()
        tree = ast.parse(source, str(path))
        code = compile(tree, str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        raise DataError(f"{path.name}, line {line}: {_worded(error)}") from error
    for line, module in _imports(tree):
        if sibling := _sibling(module, (path.parent, *folders)):
            raise DataError(
                f"{path.name}, line {line}: imports {sibling}, which would be a dependency that "
                "nothing tracks; move the code into this file, or install it as a package"
            )
    name = _PREFIX + hashlib.sha256(path.name.encode() + b"\0" + source).hexdigest()[:16]
    return sys.modules.get(name) or _run(code, name, path)


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
    places = [folder / name for folder in folders for name in (f"{top}.py", top)]
    places = [place for place in places if place.is_file() or any(place.glob("*.py"))]
    if not places or top in sys.stdlib_module_names:
        return None
    spec = importlib.util.find_spec(top)
    # A folder without __init__.py has no origin.
    origin = Path(spec.origin) if spec and spec.origin else places[0]
    return next((p.name for p in places if origin in (p, p / "__init__.py")), None)


def _run(code: Any, name: str, path: Path) -> ModuleType:
    """The module of a file; nothing of it stays in Keras's registry."""
    _, keras = load_backend()
    module = ModuleType(name)
    module.__file__ = str(path)
    # Python looks up the module of a class there.
    sys.modules[name] = module
    try:
        exec(code, vars(module))  # noqa: S102
        for value in _defined(module):
            if inspect.isclass(value):
                keras.saving.register_keras_serializable(path.name, value.__name__)(value)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), 0)
        raise DataError(f"{path.name}, line {line}: {_worded(error)}") from error
    finally:
        # Libraries that it imports keep what they have registered.
        registry = keras.saving.get_custom_objects()
        for key in [k for k, v in registry.items() if getattr(v, "__module__", None) == name]:
            del registry[key]
    return module


def _defined(module: ModuleType) -> list[Any]:
    """The functions of a module, and its classes that Keras can write."""
    return [
        value
        for value in vars(module).values()
        if (inspect.isfunction(value) or (hasattr(value, "get_config") and inspect.isclass(value)))
        and value.__module__ == module.__name__
    ]


def _worded(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {message}".split())[:_MAX_LENGTH]


def scope(classes: Classes, modules: Iterable[ModuleType] = ()) -> AbstractContextManager[Any]:
    """Within it, Keras can copy and read layers of these classes, and all those of `modules`."""
    _, keras = load_backend()
    modules = [*modules, *(sys.modules[cls.__module__] for cls in classes.values())]
    values = [value for module in modules for value in _defined(module)]
    found = {keras.saving.get_registered_name(value): value for value in values}
    # A function that is not registered could have the name of one of Keras.
    found = {name: value for name, value in found.items() if inspect.isclass(value) or ">" in name}
    scope: AbstractContextManager[Any] = keras.saving.custom_object_scope(found)
    return scope


def scope_of_archive(path: Path) -> AbstractContextManager[Any]:
    """`scope` for the layers of a .keras file; their project files are next to it.

    Raises DataError if one of them is missing or cannot be loaded, and what zipfile and json raise.
    """
    nodes: list[dict[str, Any]] = []
    with zipfile.ZipFile(path) as archive:
        json.loads(archive.read("config.json"), object_hook=nodes.append)
    modules = []
    # Only what is not Keras's own has a registered name.
    for node in (node for node in nodes if node.get("registered_name")):
        file, module = str(node["registered_name"]).partition(">")[0], str(node.get("module"))
        top = module.partition(".")[0]
        if _FILE_NAME.fullmatch(file):
            try:
                modules.append(load_file(path.with_name(file)))
            except DataError as error:
                problem = f"{path}: its layers cannot be loaded: {error}; run dvc repro"
                raise DataError(problem) from error
        # A .keras file must not choose what else is run.
        elif top != "keras" and packages_distributions().get(top):
            modules.append(importlib.import_module(module))
    return scope({}, modules)


def without_module(node: dict[str, Any]) -> dict[str, Any]:
    """A node of a configuration, without the name of a module made of a project file."""
    if str(node.get("module")).startswith(_PREFIX):
        return node | {"module": str(node.get("registered_name")).partition(">")[0]}
    return node


def requirements(names: Iterable[str], folder: Path) -> tuple[str, ...]:
    """``DISTRIBUTION==VERSION`` of what layers come from or their files in `folder` import."""
    modules: set[str] = set()
    for name in names:
        if (file := project_file(name)) is None:
            modules.add(name.partition(":")[0])
        else:
            tree = ast.parse((folder / PurePosixPath(file).name).read_bytes())
            modules |= {module for _, module in _imports(tree)}
    known = packages_distributions()
    found = {d for module in modules for d in known.get(module.partition(".")[0], ())[:1]}
    return tuple(sorted(f"{distribution}=={version(distribution)}" for distribution in found))
