"""What the installed Keras offers, read from its source text.

Importing Keras imports TensorFlow and takes seconds; a mistake in params.yaml must show at once.
The generated ``__init__.py`` of each public package says where a class is defined, and the
class's ``__init__`` and docstring say what arguments it takes.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

# Kinds of values, in the words of a message.
BOOLEAN, TEXT = "true or false", "a text"
INTEGER, COUNT = "an integer", "a positive integer"
NUMBER, RATE, STEP = "a finite number", "a number from 0 to 1", "a finite number above 0"
LAYER, ANY = "layer", ""
# Kinds of arguments that name something in a public package, by the end of the argument's name.
NAMED = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}

_REQUIRED, _COMPUTED = object(), object()
_FILLED_IN = "{{base_optimizer_keyword_args}}"
_SECTION = re.compile(r"^Args:\n((?:(?: .*)?\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(?: {4})?(\w+): (.+(?:\n {8,}(?!\w+: ).+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Argument:
    """One argument of a class; `kind` is one of the kinds above."""

    kind: str
    required: bool
    nullable: bool


@cache
def imports(module: str) -> dict[str, tuple[str, str]]:
    """Module and own name of what a module of Keras imports, by the name it gives them."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in _module(module).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


@cache
def arguments(module: str, name: str) -> dict[str, Argument]:
    """The arguments of a class of Keras, those that it hands on to its bases included.

    Empty for what is not defined in Keras's own source.
    """
    found = _find(module, name)
    if found is None:
        return {}
    module, node = found
    inherited = next(filter(None, (_of_base(module, base) for base in node.bases)), {})
    functions = (n for n in node.body if isinstance(n, ast.FunctionDef))
    init = next((f for f in functions if f.name == "__init__"), None)
    if init is None:
        return inherited
    sentences = _documented(node)
    own = {}
    for argument, default in _signature(init):
        text = sentences.get(argument, "")
        nullable = default is None or "none" in text
        own[argument] = Argument(_kind(argument, text, default), default is _REQUIRED, nullable)
        if not text and argument in inherited:
            own[argument] = replace(own[argument], kind=inherited[argument].kind)
    handed_on = _handed_on(init, inherited)
    return own | {name: inherited[name] for name in handed_on if name not in own}


@cache
def _module(name: str) -> ast.Module:
    root = importlib.util.find_spec("keras")  # finds a top-level package without importing it
    if root is None or root.origin is None:
        raise ModuleNotFoundError("Keras is not installed; run make env")
    path = Path(root.origin).parent.parent.joinpath(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_bytes() if path.exists() else b"")


def _find(module: str, name: str) -> tuple[str, ast.ClassDef] | None:
    """Where the class is defined, which may be elsewhere than where it is imported from."""
    for node in _module(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return module, node
    return _find(*imports(module)[name]) if name in imports(module) else None


def _of_base(module: str, base: ast.expr) -> dict[str, Argument]:
    """The arguments of a base class, written as ``Name`` or ``module.Name``."""
    if isinstance(base, ast.Name):
        return arguments(module, base.id)
    if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
        return arguments(".".join(imports(module)[base.value.id]), base.attr)
    return {}


def _signature(init: ast.FunctionDef) -> Iterator[tuple[str, object]]:
    """Each argument after ``self`` with its default."""
    positional = init.args.args[1:]
    defaults: list[ast.expr | None] = [*init.args.defaults]
    defaults = [None] * (len(positional) - len(defaults)) + defaults + init.args.kw_defaults
    for argument, default in zip([*positional, *init.args.kwonlyargs], defaults, strict=True):
        if default is None:
            yield argument.arg, _REQUIRED
        else:
            try:
                yield argument.arg, ast.literal_eval(default)
            except ValueError:
                yield argument.arg, _COMPUTED


def _handed_on(init: ast.FunctionDef, inherited: dict[str, Argument]) -> list[str]:
    """The base's arguments that ``super().__init__(..., **kwargs)`` leaves to the caller."""
    for node in ast.walk(init):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "super().__init__"
            and any(keyword.arg is None for keyword in node.keywords)
        ):
            given = {keyword.arg for keyword in node.keywords}
            return [name for name in list(inherited)[len(node.args) :] if name not in given]
    return []


def _documented(node: ast.ClassDef) -> dict[str, str]:
    """The first sentence on each argument in the docstring, in lower case, articles left out."""
    text = ast.get_docstring(node) or ""
    if _FILLED_IN in text:  # Keras fills this in when it is imported
        for statement in _module("keras.src.optimizers.base_optimizer").body:
            if (
                isinstance(statement, ast.Assign)
                and ast.unparse(statement.targets[0]) in _FILLED_IN
            ):
                text = text.replace(_FILLED_IN, ast.literal_eval(statement.value))
    section = _SECTION.search(text + "\n")
    sentences: dict[str, str] = {}
    for name, words in _ENTRY.findall(section[1] if section else ""):
        sentence = re.sub(r"^(optional |an? |python )*", "", " ".join(words.lower().split()))
        # "Integer. Size of the vocabulary" says more of the integer in its second sentence.
        sentence = re.sub(r"^(int\w*)\. ", r"\1, ", sentence)
        sentences.setdefault(name, re.split(r"\.(?:\s|$)", sentence)[0])
    return sentences


def _kind(name: str, text: str, default: object) -> str:
    """What values an argument takes, by its name, the sentence on it, and its default."""
    if name in ("layer", "backward_layer"):
        return LAYER
    if named := next((n for n in NAMED if name == n or name.endswith(f"_{n}")), None):
        return named
    if name == "learning_rate":
        return STEP
    if re.search(r"tuple|list|array|dict|matrix", text):
        return ANY
    if text.startswith("bool") or isinstance(default, bool):
        return BOOLEAN
    if re.match(r"positive int|int.*(dimension|size of)", text):
        return COUNT
    if text.startswith(("int", "random seed")):
        return INTEGER
    if text.startswith("float between 0 and 1"):
        return RATE
    if text.startswith("string"):
        return TEXT
    if text.startswith("float") or isinstance(default, int | float):
        return NUMBER
    return ANY
