"""Reads YAML by the rules of YAML 1.2, as DVC does: both programs read params.yaml.

PyYAML by itself follows YAML 1.1, where ``no`` is false and ``1e-05``, which `dvc exp run -S`
writes, is a text.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from yaml.composer import Composer

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, shown

MAX_BYTES = 2**18
_TAG = "tag:yaml.org,2002:"
# https://yaml.org/spec/1.2.2/#1032-tag-resolution, and what ruamel.yaml, DVC's reader, adds to
# it: binary integers, signs before 0x and 0o, "_" between digits.
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|(?!_)[0-9_]+)",
    "float": r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+][0-9]+)?"
    r"|\.(inf|Inf|INF))|\.(nan|NaN|NAN)",
    "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)"
    r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?",
    "merge": r"<<",
    "value": r"=",
}


class _Loader(Composer, yaml.CSafeLoader):
    """Refuses keys that occur twice in one mapping, and numbers too long to print.

    libyaml parses for DVC too, and not as PyYAML does. Its composer would crash on deep nesting.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own

    def __init__(self, text: str) -> None:
        self._text = text
        Composer.__init__(self)
        yaml.CSafeLoader.__init__(self, text)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        node = super().compose_node(parent, index)
        in_flow = getattr(parent, "flow_style", False)
        if in_flow and isinstance(node, yaml.ScalarNode) and not node.style:
            end = node.end_mark.index
            # The libyaml of DVC is older, and refuses what could be a key.
            if re.search("[:?]", node.value) or re.match(r":\S", self._text[end : end + 2]):
                problem = "a text in [] or {} that contains : or ? needs quotes"
                raise yaml.scanner.ScannerError(None, None, problem, node.start_mark)
        return node

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = node.value.replace("_", "").lower()
        bases = {"0b": 2, "0o": 8, "0x": 16}
        value = int(text, bases.get(text.lstrip("+-")[:2], 10))
        str(value)  # raises ValueError if it has thousands of digits
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        lines: dict[object, int] = {}
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                merges = key_node.tag == f"{_TAG}merge"
                key = key_node.value if merges else self.construct_object(key_node)
                mark = key_node.start_mark
                if key in lines:
                    problem = f"{shown(key)} is given twice, first in line {lines[key]}"
                    raise yaml.constructor.ConstructorError(None, None, problem, mark)
                lines[key] = mark.line + 1
        return super().construct_mapping(node, deep)


for _name, _pattern in _SCALARS.items():
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), None)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_int)


def read_yaml(path: Path) -> object:
    """The value of a YAML file; raises ParamsError if it cannot be read or is not valid."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            problem = f"is longer than {MAX_BYTES >> 10} KiB"
        elif line := conflict_line(content):
            problem = f"has merge conflict markers, line {line}"
        else:
            return parse_yaml(content.decode("utf-8-sig"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not valid UTF-8"
    except Exception as error:  # PyYAML raises not only YAMLError, but whatever int() raises.
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        parts = filter(None, (getattr(error, name, None) for name in ("context", "problem")))
        reason = ", ".join(parts) or str(error).partition("\n")[0]
        problem = f"is not valid YAML: {place}{reason[:200]}"
    raise ParamsError(str(path), [ErrorDetail("file", problem)])


def conflict_line(content: bytes) -> int | None:
    """The number of the first line that is a conflict marker of Git."""
    marker = re.search(rb"^(<<<<<<<|>>>>>>>) ", content, re.MULTILINE)
    return content.count(b"\n", 0, marker.start()) + 1 if marker else None


def parse_yaml(text: str) -> object:
    """The value of a YAML text; raises yaml.YAMLError, or ValueError for a number."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        # Unlike get_single_data, this refuses a mapping or a list that contains itself.
        return None if root is None else loader.construct_object(root, deep=True)
    finally:
        loader.dispose()
