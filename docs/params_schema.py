"""docs/params.schema.json, with which editors check and complete params.yaml: `make docs`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from params import described

from rnnbench import corpora, models
from rnnbench.core.schema import Schema
from rnnbench.models.keras import validation
from rnnbench.models.keras.network import WRAPPED
from rnnbench.params import Comparison, Published, Question, Run, Study

_Json = dict[str, Any]
# What every entry can have besides its settings.
_CHANGES = "A value inside what the base has: layers.1.LSTM.units."
_BASE = {"type": "string", "description": "The entry of this section whose keys it takes over."}
_GRID = {
    "type": "object",
    "description": "A variant for each combination of values; keys may have dots.",
    "additionalProperties": {"type": "array", "minItems": 1},
}


def page() -> str:
    """The text of params.schema.json."""
    sections = {
        "run": _settings(Run, entry=False),
        "corpora": _entries(_corpus()),
        "datasets": _entries(_any_of([corpora.load(kind).Dataset for kind in corpora.NAMES])),
        "variants": _entries(_variant()),
        "comparison": _settings(Comparison, entry=False),
        "questions": {"type": "array", "items": _settings(Question, entry=False)},
        "published": _entries(_settings(Published)),
        "studies": _entries(_settings(Study)),
    }
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "params.yaml of rnnbench",
        "type": "object",
        "properties": sections,
        "required": [name for name in sections if name != "studies"],
        "additionalProperties": False,
        "definitions": {"layer": _specs("layer"), "optimizer": _specs("optimizer")},
    }
    return _lines(schema, depth=4) + "\n"


def _lines(value: Any, depth: int) -> str:
    """JSON with a line for each entry of the upper levels, so that changes can be read."""
    if depth and isinstance(value, dict) and value:
        entries = (f"{json.dumps(key)}: {_lines(inner, depth - 1)}" for key, inner in value.items())
        return "{\n" + ",\n".join(entries) + "\n}"
    return json.dumps(value)


def _entries(entry: _Json) -> _Json:
    return {"type": "object", "additionalProperties": entry}


def _settings(settings: type[Schema], entry: bool = True) -> _Json:
    """The schema of some settings; an entry can have a base, which may give its required keys."""
    schema = settings.model_json_schema()
    properties, meanings = schema["properties"], described(settings)
    for name, found in properties.items():
        found.pop("title", None)
        found["description"] = meanings.get(name, "")
    required = schema.get("required", [])
    result: _Json = {"type": "object", "properties": properties, "additionalProperties": False}
    if entry:
        properties["base"] = _BASE
        result["patternProperties"] = {r"\.": {"description": _CHANGES}}
        result["anyOf"] = [{"required": ["base"]}, {"required": required}]
    else:
        result["required"] = required
    return result


def _any_of(all_settings: list[type[Schema]]) -> _Json:
    """Any of several settings, each only once."""
    return {"anyOf": [_settings(settings) for settings in dict.fromkeys(all_settings)]}


def _corpus() -> _Json:
    found = []
    for kind in corpora.NAMES:
        schema = _settings(corpora.load(kind).Settings)
        schema["properties"]["kind"] = {"const": kind, "description": "What reads it."}
        found.append(schema)
    return {"anyOf": found}


def _variant() -> _Json:
    found = []
    for family in models.NAMES:
        schema = _settings(models.load(family).Settings)
        properties = schema["properties"]
        properties["model"] = {"const": family}
        properties["grid"] = _GRID
        if family == "keras":
            layers = properties["layers"]
            layers["items"] = {"$ref": "#/definitions/layer"}
            properties["optimizer"] = {"$ref": "#/definitions/optimizer"}
        found.append(schema)
    return {"anyOf": found}


def _specs(kind: Any) -> _Json:
    """A layer or an optimizer: its name, or its name with arguments."""
    classes = validation.keras_classes(kind)
    named = {name: _arguments(cls) for name, cls in classes.items()}
    own = {r"^[^:]+:\w+$": {"type": ["object", "null"]}} if kind == "layer" else {}
    names: list[_Json] = [{"enum": list(classes)}]
    if own:
        names.append({"type": "string", "pattern": r"^[^:]+:\w+$"})
    one: _Json = {
        "type": "object",
        "properties": named,
        "patternProperties": own,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [*names, one]}


def _arguments(cls: type) -> _Json:
    text = (inspect.getdoc(cls) or "").strip().partition("\n")[0]
    parameters = validation.keras_arguments(cls)
    properties = {
        name: {"$ref": "#/definitions/layer"} if name in WRAPPED else _argument(parameter.default)
        for name, parameter in parameters.items()
    }
    return {
        "type": ["object", "null"],
        "description": text,
        "properties": properties,
        "additionalProperties": False,
    }


def _argument(default: Any) -> _Json:
    if isinstance(default, bool):
        return {"type": "boolean", "default": default}
    if isinstance(default, int | float | str):
        return {"default": default}
    return {}


if __name__ == "__main__":
    path = Path(__file__).with_name("params.schema.json")
    path.write_text(page(), encoding="utf-8", newline="\n")
