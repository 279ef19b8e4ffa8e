"""MNIST-1D: ten short curves, each padded, dilated, shifted, sheared and noisy.

Source: Greydanus & Kobak, "Scaling Down Deep Learning with MNIST-1D", arXiv:2011.14439, and its
package, under the Apache License 2.0. The curves of the ten digits come from the source of the
package, which is parsed and never run; the samples are those that its ``make_dataset`` draws by
default. The published evaluation samples are the last 1,000 of 5,000, as with ``split: last``.

The baseline has an accuracy of about 0.1; the paper has 0.32 of a linear model and 0.91 of a GRU.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter

from rnnbench.core.errors import DataError, DownloadError
from rnnbench.core.schema import Schema, read_json, write_json
from rnnbench.corpora.base import ArrayCorpus, CorpusSettings
from rnnbench.corpora.fetch import Package, wheel_member
from rnnbench.data.config import ArrayDataset

TITLE = "MNIST-1D, curves of ten digits"

Dataset = ArrayDataset

WHEEL = Package(
    "mnist1d==0.0.2.post1", "e780fadc12ab6e45994dcb02bbe728b347243e0a5d13790f2a86992500eceb86"
)
SOURCE = "mnist1d/data.py"
SOURCE_SHA256 = "86b70116be8a587be28e12c4ab21abf347cfa805db8ae1d1943d895682890246"

STEPS = 40
_SAMPLES, _SEED = 5000, 42
_DIGITS, _POINTS, _MAX_PADDING = 10, 12, 60


class Settings(CorpusSettings):
    """The settings of MNIST-1D.

    source: "registry", a pinned wheel.
    """

    splits: ClassVar[tuple[str, ...]] = ("random", "last", "same")
    source: Literal["registry"] = "registry"

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """That of every sample, so that nothing is fetched to try a model."""
        return STEPS, 1


class _Record(Schema):
    """corpus.json: the source, and the curve of each digit as the package writes it."""

    source: Literal["registry"]
    templates: list[list[float]] = Field(min_length=_DIGITS, max_length=_DIGITS)


def fetch(settings: Settings, directory: Path) -> None:
    """Write corpus.json, the curves of the digits, into an empty directory.

    Raises DownloadError if the package cannot be reached or differs from the pinned one.
    """
    templates = _templates(wheel_member(WHEEL, SOURCE, SOURCE_SHA256))
    record = _Record(source=settings.source, templates=templates)
    write_json(directory / "corpus.json", record)


def read(directory: Path) -> ArrayCorpus:
    """The samples: x of shape (5000, 40, 1), float32, y of shape (5000,), uint8.

    Raises DataError if corpus.json is missing or damaged.
    """
    path = directory / "corpus.json"
    templates = read_json(path, _Record).templates
    if {len(template) for template in templates} != {_POINTS}:
        raise DataError(f"{path}: curves without {_POINTS} points; run dvc repro")
    x, y = _make_dataset(np.array(templates))
    classes = tuple(map(str, range(_DIGITS)))
    return ArrayCorpus(
        x.astype(np.float32)[..., None], y, encoding="number", target="classes", classes=classes
    )


def _templates(source: bytes) -> list[list[float]]:
    """The lists of the lines ``d0 = np.asarray([5, 6, ...])`` to ``d9 = ...``."""
    found = [
        [float(number) for number in ast.literal_eval(node.value.args[0])]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.targets[0]) in {f"d{digit}" for digit in range(_DIGITS)}
    ]
    if len(found) != _DIGITS:
        raise DownloadError(f"{WHEEL.spec}: {len(found)} curves in {SOURCE}, expected {_DIGITS}")
    return found


def _make_dataset(templates: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """``make_dataset`` of the package; x has the shape (5000, 40), y (5000,).

    templates: shape (10, 12).
    """
    curves = templates - templates.mean(axis=1, keepdims=True)
    curves /= curves.std(axis=1, keepdims=True)
    curves = (curves - curves[:, :1]) / 6
    rng = np.random.RandomState(_SEED)
    y = np.repeat(np.arange(_DIGITS, dtype=np.uint8), _SAMPLES // _DIGITS)
    x = np.array([_transform(curves[digit], rng) for digit in y])
    order = rng.permutation(_SAMPLES)
    return ((x - x.mean()) / x.std())[order], y[order]


def _transform(curve: NDArray[np.float64], rng: np.random.RandomState) -> NDArray[np.float64]:
    """One sample, shape (40,), of a curve of shape (12,)."""
    padding = 36 + int(rng.rand() * (_MAX_PADDING - 36 + 1))
    # What is exactly 0 below is padding.
    padded = np.concatenate([curve + 1e-8, np.zeros(padding)])
    x = _interpolate(padded, _POINTS + _MAX_PADDING)
    x *= 1 + 0.4 * (rng.rand() - 0.5)
    x = np.roll(x, rng.choice(48))
    smooth_noise = gaussian_filter(0.25 * rng.randn(len(x)), 2)
    x = np.where(x != 0, x, smooth_noise) + 0.02 * rng.randn(len(x))
    x -= 0.75 * (rng.rand() - 0.5) * np.linspace(-0.5, 0.5, len(x))
    return _interpolate(x, STEPS)


def _interpolate(x: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """`count` values at equal distances along the curve x, shape (count,)."""
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(x)), x)
