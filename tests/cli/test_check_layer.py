"""`rnnbench check-layer`: Keras's layers and the example pass; errors end it in one line."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rnnbench.cli.check_layer import check_layer
from rnnbench.models.layer_checks import CHECKS

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "tests" / "models" / "broken_layers.py"


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a params.yaml."""
    shutil.copy(ROOT / "docs" / "examples" / "min_gru.py", tmp_path)
    shutil.copy(BROKEN, tmp_path)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check_layer, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("GRU",),
        ("LSTM", "--arguments", '{"units": 4, "dropout": 0.1}'),
        ("SimpleRNN",),
        ("Bidirectional", "--arguments", "{layer: {LSTM: {units: 3}}}"),
        ("min_gru.py:MinGRU",),
    ],
    ids=" ".join,
)
def test_layers_of_keras_and_the_example_pass(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    states = [line.split()[0] for line in done.output.splitlines()]
    # A wrapper has no direction of its own.
    assert states == ["ok"] * (len(CHECKS) - (2 if arguments[0] == "Bidirectional" else 0))


def test_a_failed_check_is_a_line_with_numbers_and_status_1() -> None:
    done = run("broken_layers.py:DependsOnTheWidth")
    assert done.exit_code == 1
    failed = [line for line in done.output.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 3
    assert "masked steps in the middle do not matter: the outputs differ by up to" in failed[-1]
    assert "allowed: " in failed[-1]


def test_a_layer_that_forgets_an_argument_is_told_so_once() -> None:
    done = run("broken_layers.py:ForgetsConfig")
    (line,) = (line for line in done.output.splitlines() if line.startswith("FAILED"))
    assert line.endswith("keep all arguments: get_config leaves out units")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ConvLSTM1D", "--arguments", "{filters: 2, kernel_size: 2}"), "expected ndim=4"),
        (("GRU", "--arguments", "{units: 2, return_state: true}"), "returns 2 outputs"),
        (("Masking",), "no trainable weights"),
    ],
    ids=str,
)
def test_a_layer_of_another_kind_fails_the_first_check_only(
    arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert line.startswith("FAILED  it builds")
    assert words in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("LTSM",), "did you mean 'LSTM'?"),
        (("min_gru.py:MinGru",), "did you mean 'MinGRU'?"),
        (("GRU", "--arguments", "{unit: 3}"), "did you mean 'units'?"),
        (("GRU", "--arguments", "[3]"), "a mapping in YAML such as '{units: 8}'"),
        (("GRU", "--arguments", "{units: "), "expected a mapping in YAML"),
        (("../x.py:A",), "not a path below the folder of params.yaml"),
    ],
    ids=str,
)
def test_errors_in_the_arguments_are_one_line_and_status_2(
    arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("error: check-layer: ")
    assert words in line
