from pathlib import Path

ROOT = Path(__file__).parents[1]


def table_of(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip(" -:") for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_is_the_one_that_the_pipeline_made() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = readme.split("<!-- comparison -->")[1].split("<!-- /comparison -->")[0]
    made = table_of((ROOT / "metrics" / "comparison.md").read_text())
    assert len(made) > 2
    assert table_of(shown) == made
