"""The figures of README.md, from the tables in metrics/: `make readme` fills them in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.report.findings import Findings
from rnnbench.report.markdown import short_table
from rnnbench.report.outputs import finished, read_table
from rnnbench.report.questions import answers

_ANSWERS = 3


def filled(text: str, comparison: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """README.md with the first answers and the scores of the first task between their marks."""
    found = answers(Findings(finished(comparison), pairs))[:_ANSWERS]
    first = comparison[comparison["corpus"] == comparison["corpus"].iloc[0]]
    contents = {
        "findings": "\n".join(f"- {answer}" for answer in found),
        "comparison": short_table(first),
    }
    for name, content in contents.items():
        head, rest = text.split(f"<!-- {name} -->")
        _, tail = rest.split(f"<!-- /{name} -->")
        text = f"{head}<!-- {name} -->\n\n{content}\n\n<!-- /{name} -->{tail}"
    return text


if __name__ == "__main__":
    workspace = Workspace.find(Path.cwd())
    readme = workspace.root / "README.md"
    comparison, pairs = (read_table(workspace, name) for name in ("comparison", "pairs"))
    write_text(readme, filled(readme.read_text("utf-8"), comparison, pairs))
