"""The table of README.md, from metrics/comparison.csv: `make readme` fills it in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.report.markdown import short_table
from rnnbench.report.outputs import read_table

_BEGIN, _END = "<!-- comparison -->", "<!-- /comparison -->"


def filled(text: str, comparison: pd.DataFrame) -> str:
    """README.md with the scores of the first task between its two marks."""
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    first = comparison[comparison["corpus"] == comparison["corpus"].iloc[0]]
    return "\n\n".join([head + _BEGIN, short_table(first), _END + tail])


if __name__ == "__main__":
    workspace = Workspace.find(Path.cwd())
    readme = workspace.root / "README.md"
    text = readme.read_text("utf-8")
    write_text(readme, filled(text, read_table(workspace, "comparison")))
