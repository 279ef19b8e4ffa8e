"""The figures of README.md, from the tables in metrics/: `make readme` fills them in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench.core.files import write_text
from rnnbench.core.workspace import Workspace
from rnnbench.params import Comparison, load_params
from rnnbench.report.findings import answers
from rnnbench.report.markdown import short_table
from rnnbench.report.outputs import read_table

_ANSWERS = 3


def filled(
    text: str, comparison: pd.DataFrame, questions: pd.DataFrame, settings: Comparison
) -> str:
    """README.md with the first answers and the scores of the first set between their marks."""
    found = answers(questions, settings, set(comparison["variant"]))[:_ANSWERS]
    place = ["corpus", "evaluation_set"]
    first = comparison[(comparison[place] == comparison[place].iloc[0]).all(axis=1)]
    contents = {
        "findings": "\n".join(f"- **{a['question']}** {a['text']}" for a in found),
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
    comparison, questions = (
        read_table(workspace.metrics, name) for name in ("comparison", "questions")
    )
    settings = load_params(workspace.params).comparison
    write_text(readme, filled(readme.read_text("utf-8"), comparison, questions, settings))
