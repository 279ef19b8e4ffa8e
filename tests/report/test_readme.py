from rnnbench.core.workspace import Workspace
from rnnbench.report.outputs import read_table
from rnnbench.report.readme import filled
from tests.frozen import PARAMS

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


def fill(text: str, reported: Workspace) -> str:
    comparison, questions = (
        read_table(reported.metrics, name) for name in ("comparison", "questions")
    )
    return filled(text, comparison, questions, PARAMS.comparison)


def test_the_table_has_the_scores_of_the_first_evaluation_set(reported: Workspace) -> None:
    comparison = read_table(reported.metrics, "comparison")
    rows = comparison[(comparison["corpus"] == "imdb") & (comparison["evaluation_set"] == 1)]
    assert 1 < len(rows) < sum(comparison["corpus"] == "imdb")
    table = fill(README, reported).split("<!-- comparison -->")[1]
    lines = [line for line in table.splitlines() if line.startswith("| imdb")]
    for line, row in zip(lines, rows.to_dict("records"), strict=True):
        assert [cell.strip() for cell in line.strip("|").split("|")] == [
            row["variant"],
            f"{row['accuracy']:.4f}",
            f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}",
            row["group"],
            f"{row['last_accuracy']:.4f}",
            "3",
        ]


def test_the_findings_answer_the_first_questions_as_the_article_does(
    reported: Workspace,
) -> None:
    lines = fill(README, reported).split("findings -->")[1].strip().splitlines()[:-1]
    findings = [line for line in lines if line]
    assert len(findings) == 2
    article = (reported.metrics / "comparison.md").read_text()
    for question, line in zip(PARAMS.questions, findings, strict=False):
        assert line.startswith(f"- **{question.question}** ")
        assert f"{line}\n" in article


def test_the_answers_of_a_study_come_first_under_its_question(reported: Workspace) -> None:
    comparison, questions = (
        read_table(reported.metrics, name) for name in ("comparison", "questions")
    )
    study = ("Which cell is best?", ["units 3: this one.", "Not that one."])
    text = filled(README, comparison, questions, PARAMS.comparison, study)
    lines = [line for line in text.split("findings -->")[1].splitlines() if line]
    assert lines[:3] == [
        "- **Which cell is best?**",
        "  - Units 3: this one.",
        "  - Not that one.",
    ]


def test_only_the_text_between_the_marks_changes(reported: Workspace) -> None:
    text = fill(README, reported)
    assert text.startswith("# Title\n\n<!-- findings -->\n")
    assert "<!-- /findings -->\n\nBetween.\n\n<!-- comparison -->\n" in text
    assert text.endswith("<!-- /comparison -->\n\nThe rest.\n")
    assert "old" not in text
    assert fill(text, reported) == text
