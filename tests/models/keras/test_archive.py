import time

import keras
import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.models.keras import archive
from rnnbench.models.keras.network import build

LAYERS = [{"Embedding": {"output_dim": 4}}, {"Bidirectional": {"layer": {"LSTM": {"units": 3}}}}]


def test_the_same_weights_give_the_same_bytes(index_meta, tmp_path) -> None:
    for name in ("a.keras", "b.keras"):
        archive.save(build(LAYERS, index_meta, seed=1), tmp_path / name)
        time.sleep(2.1)  # A zip entry's time counts in steps of two seconds.
    archive.save(build(LAYERS, index_meta, seed=2), tmp_path / "c.keras")
    first, again, other = ((tmp_path / f"{n}.keras").read_bytes() for n in "abc")
    assert first == again
    assert first != other


def test_keras_itself_loads_the_archive(index_meta, samples, tmp_path) -> None:
    network = build(LAYERS, index_meta, seed=1)
    archive.save(network, tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    x = samples.x.astype("int32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), network.predict(x, verbose=0))


@pytest.mark.parametrize("content", [b"", b"PK junk", None])
def test_a_damaged_archive_is_told(tmp_path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(DataError, match=r"m\.keras"):
        archive.load(tmp_path / "m.keras")
