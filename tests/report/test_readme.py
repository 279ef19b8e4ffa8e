from pathlib import Path

import pandas as pd
import pytest

from rnnbench.report.readme import filled, read_comparison

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMPARISON = ROOT / "metrics" / "comparison.csv"


def test_the_tables_are_those_that_the_pipeline_made() -> None:
    assert filled(README, read_comparison(COMPARISON)) == README, "run make readme"


@pytest.mark.parametrize(
    "row", pd.read_csv(COMPARISON).to_dict("records"), ids=lambda row: row["variant"]
)
def test_every_score_is_that_of_the_comparison(row: dict) -> None:
    (line,) = (line for line in README.splitlines() if line.startswith(f"| {row['variant']} "))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert f"{row['accuracy']:.4f}" in cells
    assert row["group"] in cells
    if pd.notna(row["published"]):
        assert f"{row['published']:.4f}" in cells
        assert row["verdict"] in cells
