"""Each broken layer fails the checks of what it breaks, and no other."""

import shutil
from pathlib import Path

import pytest

from rnnbench.models.layer_checks import CHECKS, Candidate, run_check

SLOW = ("a saved model is", "training under XLA", "two trainings")
MASKS = ("masked steps at the end", "masked steps at the start", "masked steps in the middle")
BATCH, BOTH = "a sample's output", "Bidirectional runs"
CONFIG, SHAPE, BACKWARDS = "get_config and", "the output has the shape", "go_backwards equals"
GRADIENTS = "gradients equal"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(Path(__file__).with_name("broken_layers.py"), tmp_path)
    monkeypatch.chdir(tmp_path)


def failures(name: str, chosen: tuple[str, ...]) -> dict[str, str]:
    """The problems of a layer by the first words of the check."""
    candidate = Candidate({f"broken_layers.py:{name}": {"units": 4}})
    found = {}
    for words in chosen:
        (check,) = (check for check in CHECKS if check.startswith(words))
        if problem := run_check(candidate, check):
            found[words] = problem
    return found


FAST = (*MASKS, BATCH, BOTH, CONFIG, SHAPE, BACKWARDS, GRADIENTS)


@pytest.mark.parametrize(
    ("name", "failed", "words"),
    [
        ("IgnoresTheMask", set(MASKS), "outputs differ by up to"),
        ("LosesTheMask", set(MASKS), "not passed on to the next layer"),
        ("ForgetsUnits", {CONFIG, BOTH}, "get_config leaves out units"),
        ("ForgetsConfig", {CONFIG, BOTH}, "get_config leaves out units"),
        ("MixesTheBatch", {BATCH}, "in a batch and alone differ by"),
        ("DependsOnTheWidth", set(MASKS), "the outputs differ by up to"),
        ("Plain", {*MASKS, BOTH}, "method; derive it from keras.layers.RNN"),
        ("IgnoresTheDirection", {BOTH, BACKWARDS}, "the outputs differ by up to"),
        ("WrongShape", {SHAPE}, "expects the shape (None, 7), the output has (4, 4)"),
        ("NoGradientOfTheBias", {GRADIENTS}, "bias gets no gradient"),
        ("WrongGradient", {GRADIENTS}, "finite differences in float64 give"),
    ],
)
def test_a_broken_layer_fails_the_checks_of_what_it_breaks(
    name: str, failed: set[str], words: str
) -> None:
    found = failures(name, FAST)
    assert set(found) == failed
    assert words in " ".join(found.values())


@pytest.mark.parametrize(
    ("name", "failed", "words"),
    [
        ("Unseeded", {SLOW[2]}, "the losses of two trainings end with"),
        ("NearlyConstant", {SLOW[1]}, "12 epochs changed the loss from"),
        ("NotCompiled", set(SLOW), "unsupported operations when trying to compile"),
        ("ForgetsUnits", {SLOW[0]}, "not a readable model"),
    ],
)
def test_a_layer_that_cannot_be_trained_or_saved_fails(
    name: str, failed: set[str], words: str
) -> None:
    found = failures(name, SLOW)
    assert set(found) == failed
    assert words in " ".join(found.values())
