"""The colours of runs in MLflow."""

from __future__ import annotations

import functools

import numpy as np

from rnnbench.params import Params

# The tag that MLflow reads the colour of a run from.
COLOUR = "mlflow.runColor"
# From linear RGB to the space OKLab, in which distances are those that people see
# (https://bottosson.github.io/posts/oklab).
_TO_CONES = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
_TO_OKLAB = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
# Neither black nor too light on white.
_MIN_LIGHTNESS, _MAX_LIGHTNESS = 0.2, 0.82


def colour(params: Params, name: str) -> str:
    """The colour of a variant, #rrggbb, which no other variant of the task has.

    MLflow's own colours repeat.
    """
    corpus = params.corpus_of(name)
    names = [other for other in params.variants if params.corpus_of(other) == corpus]
    colours = _colours()
    return colours[names.index(name) % len(colours)]


@functools.cache
def _colours() -> list[str]:
    """Each one as far from all before it as possible, the first one from white."""
    levels = np.linspace(0, 1, 5)
    rgb = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    points = np.cbrt(linear @ np.transpose(_TO_CONES)) @ np.transpose(_TO_OKLAB)
    visible = (points[:, 0] > _MIN_LIGHTNESS) & (points[:, 0] < _MAX_LIGHTNESS)
    rgb, points = rgb[visible], points[visible]
    distances = np.linalg.norm(points - [1, 0, 0], axis=1)
    colours = []
    while distances.any():
        chosen = distances.argmax()
        colours.append("#" + "".join(f"{round(255 * part):02x}" for part in rgb[chosen]))
        distances = np.minimum(distances, np.linalg.norm(points - points[chosen], axis=1))
    return colours
