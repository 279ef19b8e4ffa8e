"""docs/params.md, from the docstrings of the settings: `make docs` writes it."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from rnnbench import corpora, models
from rnnbench.core.schema import Schema
from rnnbench.corpora.base import CorpusSettings
from rnnbench.data.config import ArrayDataset, TextDataset
from rnnbench.models.base import VariantSettings
from rnnbench.params import Comparison, Published, Question, Run, Study

_HEAD = """# The keys of params.yaml

Generated from the docstrings of the settings by `make docs`. `rnnbench check` reports every key
that is unknown, missing or out of range.

Every entry of corpora, datasets, variants, published and studies can have a `base`, the name of an
entry of its section whose keys it takes over; a key with dots, such as `layers.1.LSTM.units`,
changes a value inside what the base has. A variant can have a `grid`, a mapping of such keys to
lists of values: one variant for each combination. [extending.md](extending.md) has examples.
"""
_ENTRY = re.compile(r"^([A-Za-z_]\w*(?:, [A-Za-z_]\w*)*): (.+(?:\n {4,}.+)*)", re.MULTILINE)


def page() -> str:
    """The text of params.md."""
    parts = [_HEAD, _section("run", Run), "## corpora\n"]
    parts += [_section("every corpus", CorpusSettings)]
    for kind in corpora.NAMES:
        settings = corpora.load(kind).Settings
        parts.append(_section(f"`kind: {kind}`, in addition", settings, CorpusSettings))
    parts += ["## datasets\n", _section("every dataset", ArrayDataset)]
    parts += [_section("datasets of texts, in addition", TextDataset, ArrayDataset)]
    parts += ["## variants\n", _section("every variant", VariantSettings)]
    for name in models.NAMES:
        settings = models.load(name).Settings
        if settings.model_fields.keys() > VariantSettings.model_fields.keys():
            parts.append(_section(f"`model: {name}`, in addition", settings, VariantSettings))
    parts += [_section("comparison", Comparison)]
    parts += ["## questions\n", _section("every question", Question)]
    parts += ["## published\n", _section("published.VARIANT", Published)]
    parts += ["## studies\n", _section("every study", Study)]
    return "\n".join(parts)


def described(settings: type[Schema]) -> dict[str, str]:
    """The meaning of each key, from the docstrings of the settings and of their bases."""
    found: dict[str, str] = {}
    for cls in reversed(settings.__mro__):
        for names, text in _ENTRY.findall(inspect.cleandoc(cls.__doc__ or "")):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def _section(title: str, settings: type[Schema], base: type[Schema] | None = None) -> str:
    meanings = described(settings)
    lines = [f"### {title}\n", "| key | default | meaning |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        if base is not None and name in base.model_fields:
            continue
        default = (
            "required" if field.default is PydanticUndefined else f"`{json.dumps(field.default)}`"
        )
        lines.append(f"| `{name}` | {default} | {meanings[name].replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8", newline="\n")
