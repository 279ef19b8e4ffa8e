import time

import keras
import numpy as np
import pytest

from rnnbench.core.errors import DataError
from rnnbench.models.keras.model import Model
from rnnbench.models.keras.network import build

LAYERS = [{"Embedding": {"output_dim": 4}}, {"Bidirectional": {"layer": {"LSTM": {"units": 3}}}}]


def test_equal_weights_give_equal_bytes_that_keras_reads(index_meta, samples, tmp_path) -> None:
    network = build(LAYERS, index_meta, seed=1)
    Model(network).save(tmp_path / "a.keras")
    time.sleep(2.1)  # The time of a zip entry counts in steps of two seconds.
    Model(build(LAYERS, index_meta, seed=1)).save(tmp_path / "b.keras")
    Model(build(LAYERS, index_meta, seed=2)).save(tmp_path / "c.keras")
    first, again, other = ((tmp_path / f"{n}.keras").read_bytes() for n in "abc")
    assert first == again
    assert first != other
    x = samples.x[:5].astype("int32")
    loaded = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded(x), network(x))


@pytest.mark.parametrize("content", [b"", b"PK junk", None])
def test_a_damaged_archive_is_a_data_error(tmp_path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(DataError, match=r"m\.keras"):
        Model.load(tmp_path / "m.keras")
