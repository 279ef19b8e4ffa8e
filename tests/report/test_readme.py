import pandas as pd

from rnnbench.report.readme import filled

README = "# Title\n\n<!-- comparison -->\nold\n<!-- /comparison -->\n\nThe rest.\n"


def rows(table: pd.DataFrame, variant: str) -> list[str]:
    text = filled(README, table)
    line = next(line for line in text.splitlines() if line.startswith(f"| {variant} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_variant_has_its_score_interval_group_and_verdict(compared) -> None:
    table, _ = compared
    for row in table.to_dict("records"):
        interval = f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}"
        published = f"{row['published']:.4f}" if pd.notna(row["published"]) else ""
        assert rows(table, row["variant"]) == [
            row["variant"],
            f"{row['accuracy']:.4f}",
            interval,
            row["group"],
            "3",
            published,
            row["verdict"],
        ]


def test_only_the_text_between_the_marks_changes(compared) -> None:
    text = filled(README, compared[0])
    assert text.startswith("# Title\n\n<!-- comparison -->\n")
    assert text.endswith("<!-- /comparison -->\n\nThe rest.\n")
    assert "old" not in text
    assert filled(text, compared[0]) == text
