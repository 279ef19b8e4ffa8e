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
from rnnbench.report.studies.page import answers_of

_ANSWERS = 2


def filled(
    text: str,
    comparison: pd.DataFrame,
    questions: pd.DataFrame,
    settings: Comparison,
    study: tuple[str, list[str]] | None = None,
) -> str:
    """README.md with the first answers and the scores of the first set between their marks.

    study: a question with its answers, which come before those to single settings.
    """
    found = answers(questions, settings, set(comparison["variant"]))[:_ANSWERS]
    lines = [f"- **{a['question']}** {a['text']}" for a in found]
    if study is not None:
        question, of_study = study
        of_study = [f"  - {answer[0].upper()}{answer[1:]}" for answer in of_study]
        lines = [f"- **{question}**", *of_study, *lines]
    place = ["corpus", "evaluation_set"]
    first = comparison[(comparison[place] == comparison[place].iloc[0]).all(axis=1)]
    contents = {
        "findings": "\n".join(lines),
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
    params = load_params(workspace.params)
    # The first one that has been run.
    every = (
        (params.study(name).question, answers_of(workspace, params, name))
        for name in params.studies
    )
    study = next((pair for pair in every if pair[1]), None)
    text = readme.read_text("utf-8")
    write_text(readme, filled(text, comparison, questions, params.comparison, study))
