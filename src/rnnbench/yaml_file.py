"""Reading a YAML file so that whatever it holds, what is wrong becomes a ParamsError."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from rnnbench.errors import Mistake, ParamsError
from rnnbench.mistakes import child, shown

# What PyYAML raises for a scalar that contradicts its tag, such as "!!int x".
_INVALID_SCALAR = (ValueError, LookupError, AttributeError, TypeError, OverflowError)


def read_yaml(path: Path) -> tuple[object, list[Mistake]]:
    """The value that a YAML file holds, and its keys that stand twice in one mapping.

    Raises ParamsError if the file cannot be read or is not YAML.
    """
    try:
        # Not the faster CSafeLoader: deep nesting overflows its stack and kills the process.
        loader = yaml.SafeLoader(path.read_bytes())
        try:
            root = loader.get_single_node()
            if root is None:
                return None, []
            # Before the construction, which merges "<<" into the mappings.
            duplicates = list(_duplicates(root))
            return loader.construct_document(root), duplicates
        finally:
            loader.dispose()
    except OSError as error:
        mistake = Mistake("file", f"cannot be read: {error.strerror}")
    except yaml.YAMLError as error:
        mistake = _not_yaml(error)
    except RecursionError:
        mistake = Mistake("file", "nests too deeply")
    except _INVALID_SCALAR as error:
        mistake = Mistake("file", f"holds an invalid value: {shown(str(error))}")
    raise ParamsError(str(path), [mistake])


def _not_yaml(error: yaml.YAMLError) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Mistake(place, f"is not valid YAML: {problem}")


def _duplicates(root: yaml.Node) -> Iterator[Mistake]:
    """Keys that stand twice in one mapping; YAML would silently keep the last."""
    waiting, seen = [(root, "")], set[int]()
    while waiting:
        node, key = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, child(key, place)) for place, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for name, value in node.value:
                if not isinstance(name, yaml.ScalarNode):
                    continue  # no key of ours has parts; validation refuses it
                place, line = child(key, name.value), name.start_mark.line + 1
                scalar = (name.tag, name.value)
                if scalar in lines:
                    problem = f"is given twice, in line {lines[scalar]} and in line {line}"
                    yield Mistake(place, problem)
                lines[scalar] = line
                waiting.append((value, place))
