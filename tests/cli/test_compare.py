"""`rnnbench compare`, before any report."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rnnbench.cli.compare import compare
from rnnbench.core.workspace import Workspace
from rnnbench.evaluation.stage import evaluate
from tests.frozen import PARAMS, PARAMS_FILE

FIRST, SECOND, OTHER_SAMPLES = "imdb_embedding_lstm", "imdb_embedding_gru", "imdb_multi_hot_dense"
NUMBERS = "product_gru", "product_lstm"
UNTRAINED, UNSCORED = "imdb_majority", "imdb_numpy_rnn"


@pytest.fixture(scope="module")
def evaluated(invented: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which some variants are evaluated; not to be written to."""
    workspace = Workspace(tmp_path_factory.mktemp("compared") / "workspace")
    shutil.copytree(invented, workspace.root)
    shutil.copy(PARAMS_FILE, workspace.params)
    for name in (FIRST, SECOND, OTHER_SAMPLES, *NUMBERS, "characters_simple_rnn"):
        evaluate(workspace, PARAMS, name)
    shutil.rmtree(workspace.predictions(UNTRAINED))
    return workspace


@pytest.fixture
def project(evaluated: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(evaluated.root)
    return evaluated


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(compare, arguments)


def printed(*arguments: str) -> str:
    done = invoke(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("project")
def test_the_scores_the_test_and_the_samples_are_printed() -> None:
    text = printed(FIRST, SECOND)
    lines = text.splitlines()
    assert lines[0] == "accuracy on imdb, with 95 % intervals"
    for line, name in zip(lines[1:3], (FIRST, SECOND), strict=True):
        assert re.fullmatch(rf"  {name} +0\.\d{{4}} \(0\.\d+ to 0\.\d+\), 3 replicates on .*", line)
    assert "paired" in text
    assert "not corrected" in text
    assert f"margin of {PARAMS.comparison.margin}" in text
    assert "with a probability of 80 %" in " ".join(text.split())
    counts = [float(line.split()[-1]) for line in lines if re.match("  (both|only|neither)", line)]
    assert sum(counts) == pytest.approx(400, abs=0.2)
    shown = re.findall(r"^  1\.00 and 0\.00: sample \d+, (?:negative|positive)$", text, flags=re.M)
    assert len(shown) == 5
    assert max(map(len, lines)) <= 100


@pytest.mark.usefixtures("project")
def test_numbers_are_compared_by_loss_and_have_no_text() -> None:
    text = printed(*NUMBERS)
    assert text.startswith("loss (geometric mean) on product")
    assert "the error of product_lstm divided by that of product_gru is" in " ".join(text.split())
    assert printed(*NUMBERS, "--measure", "loss") == text
    accuracy = printed(*NUMBERS, "--measure", "accuracy")
    assert accuracy.startswith("accuracy on product")
    assert "    " not in re.sub(r"^  (both|neither|only).*$", "", accuracy, flags=re.M)


@pytest.mark.usefixtures("project")
def test_variants_with_other_samples_are_compared_as_independent_means() -> None:
    text = printed(FIRST, OTHER_SAMPLES)
    assert "independent means" in text
    assert "paired" not in text
    assert "evaluated for both" in text


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("pair", "status", "reason"),
    [
        ((FIRST, FIRST), 1, "itself"),
        ((FIRST, NUMBERS[0]), 1, "different corpora"),
        ((FIRST, UNTRAINED), 1, f"not trained; run dvc repro evaluate@{UNTRAINED}"),
        ((UNSCORED, FIRST), 1, f"not evaluated; run dvc repro evaluate@{UNSCORED}"),
        (("characters_simple_rnn", "characters_majority"), 1, "characters_majority: not eval"),
        (("imdb_embeding_lstm", FIRST), 2, "did you mean 'imdb_embedding_lstm'?"),
    ],
)
def test_a_pair_that_cannot_be_compared_is_one_line(
    pair: tuple[str, str], status: int, reason: str
) -> None:
    done = invoke(*pair)
    assert done.exit_code == status
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert reason in line


def test_tensorflow_is_not_imported(project: Workspace) -> None:
    code = (
        "import sys\n"
        "from rnnbench.cli.compare import compare\n"
        f"compare(['{FIRST}', '{SECOND}'], standalone_mode=False)\n"
        "assert 'pandas' in sys.modules\n"
        "assert not {'tensorflow', 'keras', 'mlflow'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=project.root, check=True, capture_output=True)
