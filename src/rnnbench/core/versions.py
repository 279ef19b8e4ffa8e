"""The libraries whose version can change the bytes of an output."""

from importlib.metadata import version

LIBRARIES = (
    "keras",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "statsmodels",
    "tensorflow",
    "tokenizers",
)


def versions() -> dict[str, str]:
    """The installed version of each of `LIBRARIES`."""
    return {name: version(name) for name in LIBRARIES}
