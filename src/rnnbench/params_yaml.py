"""Reading a YAML file so that whatever it holds, what is wrong becomes a ParamsError."""

from __future__ import annotations

import errno
import stat
from collections import deque
from pathlib import Path
from typing import Any

import yaml

from rnnbench.core.errors import ParamsError
from rnnbench.core.validation import ErrorDetail, child, shown

# No plan comes near these; together they bound the time and the memory of one file.
_LARGEST = 2**18
_MOST_VALUES = 10_000
_DEEPEST = 50
_LONGEST_INT = 100
_LONGEST_REASON = 200

_COMMON = "tag:yaml.org,2002:"
# Of "<<" and "=", which mean something as keys only.
_OF_KEYS = (f"{_COMMON}merge", f"{_COMMON}value")
# What PyYAML raises for a scalar that contradicts its tag, such as "!!int x".
_INVALID_SCALAR = (ValueError, LookupError, AttributeError, TypeError, OverflowError)


def read_yaml(path: Path) -> tuple[object, list[ErrorDetail], list[ErrorDetail]]:
    """The value that a YAML file holds, and two kinds of mistakes that it no longer shows.

    The first are keys that stand twice in one mapping, of which YAML would silently keep the
    last. The second are scalars that contradict their tag, which are texts in the value.
    Raises ParamsError if the file cannot be read or is not YAML.
    """
    try:
        # Not the faster CSafeLoader: deep nesting overflows its stack and kills the process.
        loader = _Loader(_content(path))
        try:
            root = loader.get_single_node()
            if root is None:
                return None, [], []
            # Before the construction, which merges "<<" into the mappings.
            duplicates, invalid = _mistakes(root, loader)
            return loader.construct_document(root), duplicates, invalid
        finally:
            loader.dispose()
    except OSError as error:
        mistake = ErrorDetail("file", f"cannot be read: {error.strerror}")
    except yaml.YAMLError as error:
        mistake = _not_yaml(error)
    raise ParamsError(str(path), [mistake])


class _TooMuchError(yaml.MarkedYAMLError):
    """Valid YAML beyond the limits."""


class _Loader(yaml.SafeLoader):
    """Refuses what would take long, and says where a scalar contradicts its tag.

    Aliases count as what they stand for, because merging, comparing or printing them
    takes as long.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._depth = self._values = 0
        self._values_of: dict[yaml.Node | None, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        start, alias = event.start_mark, isinstance(event, yaml.AliasEvent)
        if self._depth == _DEEPEST:
            raise _TooMuchError(None, None, "nests too deeply", start)
        before = self._values
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if not alias:
            self._values += 1
            self._values_of[node] = self._values - before
        elif node in self._values_of:
            self._values += self._values_of[node]
        else:
            problem = "an alias stands inside of what it stands for"
            raise _TooMuchError(None, None, problem, start)
        if self._values > _MOST_VALUES:
            problem = f"there are more than {_MOST_VALUES} values up to here, counting aliases out"
            raise _TooMuchError(None, None, problem, start)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _INVALID_SCALAR:
            problem = f"no valid {shown(node.tag.removeprefix(_COMMON))}"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        # Python needs long for them, and refuses to spell those of thousands of digits.
        if node.tag == f"{_COMMON}int" and len(value) > _LONGEST_INT:
            problem = f"an integer of more than {_LONGEST_INT} characters"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return value


def _content(path: Path) -> bytes:
    # Opening a pipe would wait for whoever writes into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is longer than {_LARGEST >> 10} KiB")
    return content


def _not_yaml(error: yaml.YAMLError) -> ErrorDetail:
    if isinstance(error, yaml.reader.ReaderError):
        problem = f"{str(error).splitlines()[0]}, at position {error.position}"
        return ErrorDetail("file", f"is not valid YAML: {problem}")
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    if isinstance(error, _TooMuchError):
        return ErrorDetail(place, str(error.problem))
    # The context is the one half of the sentence that says what the problem is.
    said = filter(None, (getattr(error, name, None) for name in ("context", "problem")))
    return ErrorDetail(place, f"is not valid YAML: {', '.join(said)[:_LONGEST_REASON]}")


def _mistakes(root: yaml.Node, loader: _Loader) -> tuple[list[ErrorDetail], list[ErrorDetail]]:
    """Both kinds of mistakes of `read_yaml`; the invalid scalars become texts."""
    duplicates: list[ErrorDetail] = []
    invalid: list[ErrorDetail] = []
    waiting, seen = deque([(root, "")]), set[yaml.Node]()
    while waiting:
        node, key = waiting.popleft()
        if node in seen:  # an alias
            continue
        seen.add(node)
        if isinstance(node, yaml.ScalarNode):
            try:
                loader.construct_object(node)
            except yaml.constructor.ConstructorError as error:
                reason = str(error.problem)[:_LONGEST_REASON]
                invalid.append(ErrorDetail(key or "file", f"got {shown(node.value)}: {reason}"))
                node.tag = f"{_COMMON}str"
                loader.recursive_objects.clear()  # where the failed attempt has stayed
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(item, child(key, place)) for place, item in enumerate(node.value)]
        else:
            lines: dict[tuple[str, str], int] = {}
            for name, value in node.value:
                if not isinstance(name, yaml.ScalarNode):
                    continue  # no key of ours has parts; validation refuses it
                place, line = child(key, name.value), name.start_mark.line + 1
                scalar = (name.tag, name.value)
                if scalar in lines:
                    problem = f"is given twice, in line {lines[scalar]} and in line {line}"
                    duplicates.append(ErrorDetail(place, problem))
                lines[scalar] = line
                if name.tag not in _OF_KEYS:
                    waiting.append((name, place))
                waiting.append((value, place))
    return duplicates, invalid
