import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnbench.core.errors import DataError, DownloadError
from rnnbench.corpora import mnist1d
from rnnbench.corpora.base import ArrayCorpus
from rnnbench.data.config import ArrayDataset
from rnnbench.data.format import read_prepared
from rnnbench.models.probe import probe_meta
from rnnbench.preprocessing.stage import preprocess


@pytest.fixture(scope="module")
def mnist1d_raw(fetched) -> Path:
    return fetched("mnist1d")


@pytest.fixture(scope="module")
def corpus(mnist1d_raw: Path) -> ArrayCorpus:
    return mnist1d.read(mnist1d_raw)


def test_samples_are_those_of_the_package(corpus: ArrayCorpus) -> None:
    """Its own make_dataset, run once with NumPy 2 and SciPy 1.18, gave these numbers."""
    assert (corpus.x.shape, corpus.x.dtype) == ((5000, 40, 1), np.float32)
    digest = hashlib.sha256(corpus.y.tobytes()).hexdigest()
    assert digest == "4f5f4160c519e3c47f9d3e196c161336fcd32126a9efffe4153d6e7c8b73f963"
    first, last = corpus.x[0, :4, 0], corpus.x[-1, ::10, 0]
    np.testing.assert_allclose(first, [-0.332006, -0.471910, -0.778697, -1.009741], atol=1e-5)
    np.testing.assert_allclose(last, [-0.519329, 0.474228, 1.394928, 0.417956], atol=1e-5)
    weights = np.random.RandomState(0).randn(corpus.x.size)
    assert corpus.x.ravel() @ weights == pytest.approx(15.739261, abs=1e-3)


def test_samples_are_standardized_and_classes_are_equally_frequent(corpus: ArrayCorpus) -> None:
    assert corpus.x.mean() == pytest.approx(0, abs=1e-5)
    assert corpus.x.std() == pytest.approx(1, abs=1e-5)
    assert np.bincount(corpus.y).tolist() == [500] * 10
    assert (corpus.encoding, corpus.target) == ("number", "classes")
    assert corpus.classes == tuple("0123456789")


def test_the_last_thousand_are_the_published_test_samples(
    corpus: ArrayCorpus, mnist1d_raw: Path, tmp_path: Path
) -> None:
    dataset = ArrayDataset(
        corpus="mnist1d", split="last", train=3600, validation=400, evaluation=1000
    )
    preprocess(dataset, "mnist1d", mnist1d_raw, tmp_path, seed=42, splits=2)
    evaluation = read_prepared(tmp_path).part(0, "evaluation")
    np.testing.assert_array_equal(evaluation.x, corpus.x[4000:])
    np.testing.assert_array_equal(evaluation.y, corpus.y[4000:])


def test_a_linear_map_is_far_above_the_baseline_and_far_below_a_network(
    corpus: ArrayCorpus,
) -> None:
    x = np.c_[corpus.x[..., 0], np.ones(5000)]
    weights, *_ = np.linalg.lstsq(x[:4000], np.eye(10)[corpus.y[:4000]])
    accuracy = (x[4000:] @ weights).argmax(axis=1) == corpus.y[4000:]
    # 0.32 in the paper, by logistic regression.
    assert 0.2 < accuracy.mean() < 0.4


def test_models_can_be_tried_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist1d, "wheel_member", None)
    dataset = ArrayDataset(corpus="mnist1d", train=3600)
    meta = probe_meta({"mnist1d": mnist1d.Settings()}, dataset)
    assert meta is not None
    assert (meta.encoding, meta.shape) == ("number", (40, 1))


def offer(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    def wheel_member(*_: object) -> bytes:
        return source.encode()

    monkeypatch.setattr(mnist1d, "wheel_member", wheel_member)


def curves(count: int) -> list[list[float]]:
    values: NDArray[np.float64] = np.arange(count * 12).reshape(count, 12) ** 1.5
    return values.tolist()


def test_the_curves_are_read_from_the_source_and_not_run(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"    d{digit} = np.asarray({curve})" for digit, curve in enumerate(curves(10))]
    source = "raise SystemExit\ndef get_templates():\n" + "\n".join(lines) + "\n    dx = f([1])\n"
    offer(monkeypatch, source)
    mnist1d.fetch(mnist1d.Settings(), raw)
    assert json.loads((raw / "corpus.json").read_text())["templates"] == curves(10)
    again = mnist1d.read(raw)
    np.testing.assert_array_equal(mnist1d.read(raw).x, again.x)


def test_a_source_without_ten_curves_is_refused(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "d0 = np.asarray([1, 2])")
    with pytest.raises(DownloadError, match=r"1 curves in mnist1d/data.py, expected 10"):
        mnist1d.fetch(mnist1d.Settings(), raw)
    assert not list(raw.iterdir())


@pytest.mark.parametrize(
    "templates", [None, curves(9), [curve[:11] for curve in curves(10)], [[]] * 10]
)
def test_the_error_names_the_damaged_file(raw: Path, templates: list[list[float]] | None) -> None:
    if templates is not None:
        record = {"source": "registry", "templates": templates}
        (raw / "corpus.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"corpus\.json.*; run dvc repro"):
        mnist1d.read(raw)
