"""The tables of README.md, from metrics/comparison.csv: `make readme` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rnnbench import corpora
from rnnbench.report.markdown import scores_table

_BEGIN, _END = "<!-- comparison -->", "<!-- /comparison -->"


def filled(text: str, table: pd.DataFrame) -> str:
    """README.md with the scores of each task between its two marks."""
    head, rest = text.split(_BEGIN)
    _, tail = rest.split(_END)
    parts = [
        f"### {corpora.load(str(corpus)).TITLE}\n\n{scores_table(rows)}"
        for corpus, rows in table.groupby("corpus", sort=False)
    ]
    return head + "\n\n".join([_BEGIN, *parts, _END]) + tail


def read_comparison(path: Path) -> pd.DataFrame:
    """comparison.csv as the report had it; raises OSError or ValueError if it is damaged."""
    return pd.read_csv(path, dtype={"verdict": str}).fillna({"verdict": ""})


if __name__ == "__main__":
    readme = Path("README.md")
    table = read_comparison(Path("metrics/comparison.csv"))
    readme.write_text(filled(readme.read_text("utf-8"), table), "utf-8", newline="\n")
