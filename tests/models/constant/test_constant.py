from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnbench.core.errors import DataError
from rnnbench.data import scoring
from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models import constant, keras
from rnnbench.models.base import Epoch
from rnnbench.models.constant.model import Model

SETTINGS = constant.Settings(dataset="any", model="constant")
TARGETS: dict[str, tuple[Meta, NDArray[Any]]] = {
    target: (
        Meta(
            corpus="any",
            encoding="number",
            target=target,
            classes=classes,
            shape=(3,),
            vocabulary_size=0,
            tolerance=0.5 if target == "number" else 0.0,
        ),
        np.array(y, dtype),
    )
    for target, classes, y, dtype in [
        ("binary", ("no", "yes"), [1, 0, 1, 1], np.uint8),
        ("classes", ("a", "b", "c", "d"), [2, 0, 2, 1], np.uint8),
        ("steps", ("a", "b", "c"), [[0, 1, 1], [1, 1, 0], [2, 1, 1], [1, 1, 0]], np.uint8),
        ("number", (), [1.0, 2.0, 3.0, 4.5], np.float32),
    ]
}
# The prediction of one sample.
EXPECTED = {
    "binary": 0.75,
    "classes": [0.25, 0.25, 0.5, 0],
    "steps": [[0.25, 8 / 12, 1 / 12]] * 3,
    "number": 2.625,
}


def fit(meta: Meta, x: Any, y: NDArray[Any], new: Any) -> tuple[Model, Epoch]:
    model = Model.build(SETTINGS, meta, 1)
    epochs: list[Epoch] = []
    samples = Samples(x, y, np.arange(len(y), dtype=np.int32))
    model.fit(SETTINGS, 1, samples, new, epochs.append)
    (epoch,) = epochs
    return model, epoch


def trained(target: str) -> Model:
    meta, y = TARGETS[target]
    return fit(meta, np.zeros((4, 3)), y, np.zeros((1, 3)))[0]


@pytest.mark.parametrize("target", TARGETS)
def test_every_prediction_is_the_frequency_or_mean_of_the_training_targets(target: str) -> None:
    meta, y = TARGETS[target]
    new = np.random.default_rng(0).random((6, 3))
    model, epoch = fit(meta, np.zeros((4, 3)), y, new)
    prediction = model.predict(new)
    assert prediction.dtype == np.float32
    assert prediction.shape == (6, *np.shape(EXPECTED[target]))
    np.testing.assert_allclose(prediction, np.array([EXPECTED[target]] * 6), rtol=1e-6)
    assert epoch.number == 1
    np.testing.assert_array_equal(epoch.prediction, prediction)


@pytest.mark.parametrize(
    ("target", "accuracy"),
    # Of the numbers only 3.0 lies within 0.5 of the mean, 2.625.
    [("binary", 0.75), ("classes", 0.5), ("steps", 8 / 12), ("number", 0.25)],
)
def test_accuracy_is_the_frequency_of_the_majority(target: str, accuracy: float) -> None:
    meta, y = TARGETS[target]
    model, epoch = fit(meta, np.zeros((4, 3)), y, np.zeros((4, 3)))
    assert scoring.correct(meta, model.predict(np.zeros((4, 3))), y).mean() == pytest.approx(
        accuracy
    )
    assert epoch.accuracy == pytest.approx(accuracy)


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_binary_baseline_predicts_the_majority_of_either_class(share: float) -> None:
    meta, _ = TARGETS["binary"]
    y = (np.arange(100) < 100 * share).astype(np.uint8)
    model, epoch = fit(meta, np.zeros((100, 3)), y, np.zeros((100, 3)))
    assert scoring.correct(meta, model.predict(np.zeros((100, 3))), y).mean() == 0.8
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2))
    assert epoch.loss == pytest.approx(entropy)


def test_loss_of_the_mean_is_the_variance() -> None:
    meta, y = TARGETS["number"]
    _, epoch = fit(meta, np.zeros((4, 3)), y, np.zeros((1, 3)))
    assert epoch.loss == pytest.approx(y.var())


@pytest.mark.parametrize(
    ("target", "count"), [("binary", 1), ("classes", 4), ("steps", 3), ("number", 1)]
)
def test_parameters_are_the_stored_numbers(target: str, count: int) -> None:
    assert trained(target).parameters == count


@pytest.mark.parametrize("target", TARGETS)
def test_samples_may_differ_in_length(target: str) -> None:
    meta, y = TARGETS[target]
    x = Ragged.of([np.arange(n) for n in (0, 3, 1, 2)], 5)
    new = Ragged.of([np.arange(n) for n in (2, 0)], 5)
    model, _ = fit(meta, x, y, new)
    np.testing.assert_allclose(model.predict(new), np.array([EXPECTED[target]] * 2), rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_saved_model_predicts_the_same(target: str, tmp_path: Path) -> None:
    model = trained(target)
    for name in ("first.npz", "second.npz"):
        model.save(tmp_path / name)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    loaded = Model.load(tmp_path / "first.npz")
    x = np.zeros((5, 3))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.parameters == model.parameters
    assert loaded.summary() == model.summary()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:0],
        lambda content: content[:-30],
        lambda content: content[:400] + bytes([content[400] ^ 1]) + content[401:],
        lambda content: b"not an archive" + content,
    ],
)
def test_a_damaged_file_is_a_data_error(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "model.npz"
    trained("classes").save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"model\.npz.*; run dvc repro$"):
        Model.load(path)


@pytest.mark.parametrize(
    "change",
    [{"steps": None}, {"numbers": np.zeros(3, np.float32)}],
    ids=["incomplete", "wrong shape"],
)
def test_unusable_arrays_are_a_data_error(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "model.npz"
    trained("classes").save(path)
    with np.load(path) as archive:
        arrays = {name: a for name, a in ({**archive} | change).items() if a is not None}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"; run dvc repro$"):
        Model.load(path)


class Touching:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("member", ["meta", "numbers"])
def test_a_pickle_is_never_executed(tmp_path: Path, member: str) -> None:
    path = tmp_path / "model.npz"
    trained("classes").save(path)
    with np.load(path) as archive:
        arrays = {**archive, member: np.array([Touching(tmp_path / "touched")])}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"; run dvc repro$"):
        Model.load(path)
    assert not (tmp_path / "touched").exists()


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="run dvc repro"):
        Model.load(tmp_path / "model.npz")


def test_description_has_the_columns_of_keras() -> None:
    other = keras.Settings(
        dataset="any",
        model="keras",
        layers=[{"GRU": {"units": 8}}],
        optimizer="Adam",
        epochs=1,
        batch_size=1,
    )
    assert SETTINGS.architecture.keys() == other.architecture.keys()
