"""How well the colours of variants can be told apart."""

from dataclasses import replace
from itertools import combinations

import numpy as np

from rnnbench.tracking.colours import colour
from tests.frozen import PARAMS

# Of CIELAB, in which 2.3 is the smallest difference that people see.
CLEAR = 10.0


def lab(code: str) -> np.ndarray:
    """A colour #rrggbb in CIELAB, with the white of sRGB."""
    rgb = np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(to_xyz @ linear / np.sum(to_xyz, axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_colours_of_forty_variants_of_a_task_differ_clearly_and_are_visible_on_white() -> None:
    settings = PARAMS.variants["imdb_numpy_rnn"]
    names = [f"imdb_{number}" for number in range(40)]
    params = replace(PARAMS, variants=dict.fromkeys(names, settings))
    colours = [lab(colour(params, name)) for name in names]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) > CLEAR
    assert max(lightness for lightness, _, _ in colours) < 85
