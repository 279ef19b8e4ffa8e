"""The tables of README.md, from metrics/comparison.csv: `make readme` fills them in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench import corpora
from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.report.markdown import short_table
from rnnbench.report.outputs import read_table

_BEGIN, _END = "<!-- comparison -->", "<!-- /comparison -->"


def filled(text: str, comparison: pd.DataFrame) -> str:
    """README.md with the scores of each task between its two marks."""
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    parts = [
        f"### {corpora.load(str(corpus)).TITLE}\n\n{short_table(rows)}"
        for corpus, rows in comparison.groupby("corpus", sort=False)
    ]
    return head + "\n\n".join([_BEGIN, *parts, _END]) + tail


if __name__ == "__main__":
    workspace = Workspace.find(Path.cwd())
    readme = workspace.root / "README.md"
    text = readme.read_text("utf-8")
    write_text(readme, filled(text, read_table(workspace, "comparison")))
