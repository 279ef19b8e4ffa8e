import pandas as pd

from rnnbench.report.readme import filled

README = """# Title

<!-- findings -->
old
<!-- /findings -->

Between.

<!-- comparison -->
old
<!-- /comparison -->

The rest.
"""


def test_the_table_has_the_score_interval_group_and_verdict_of_the_first_task(compared) -> None:
    rows = compared[0][compared[0]["corpus"] == "imdb"]
    lines = [line for line in filled(README, *compared).splitlines() if line.startswith("| imdb")]
    for line, row in zip(lines, rows.to_dict("records"), strict=True):
        assert [cell.strip() for cell in line.strip("|").split("|")] == [
            row["variant"],
            f"{row['accuracy']:.4f}",
            f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}",
            row["group"],
            "3",
            f"{row['published']:.4f}" if pd.notna(row["published"]) else "",
            row["verdict"],
        ]


def test_the_findings_are_the_first_answers_of_the_article(compared, reported) -> None:
    article = (reported.metrics / "comparison.md").read_text()
    answers = article.split("## Answers")[1].strip().splitlines()[:3]
    assert all(answer.startswith("- **") for answer in answers)
    found = filled(README, *compared).split("findings -->")[1]
    assert found.strip().splitlines()[:3] == answers
    assert found.count("\n- ") == 3


def test_only_the_text_between_the_marks_changes(compared) -> None:
    text = filled(README, *compared)
    assert text.startswith("# Title\n\n<!-- findings -->\n")
    assert "<!-- /findings -->\n\nBetween.\n\n<!-- comparison -->\n" in text
    assert text.endswith("<!-- /comparison -->\n\nThe rest.\n")
    assert "old" not in text
    assert filled(text, *compared) == text
