import numpy as np
import pytest

from rnnbench.data.format import Meta, Samples


@pytest.fixture(scope="session")
def index_meta() -> Meta:
    return Meta(
        corpus="imdb",
        encoding="index",
        target="binary",
        classes=("negative", "positive"),
        shape=(12,),
        vocabulary_size=1000,
    )


@pytest.fixture(scope="session")
def one_hot_meta(index_meta: Meta) -> Meta:
    return index_meta.model_copy(
        update={"encoding": "one_hot", "vocabulary_size": 100, "shape": (100,)}
    )


@pytest.fixture(scope="session")
def samples() -> Samples:
    """The label is whether id 7 occurs: learnable within a few epochs."""
    rng = np.random.default_rng(0)
    x = rng.integers(8, 40, (203, 12)).astype(np.uint16)
    y = (rng.random(203) < 0.5).astype(np.uint8)
    x[y == 1, rng.integers(0, 12, y.sum())] = 7
    return Samples(x, y, np.arange(203, dtype=np.int32))
