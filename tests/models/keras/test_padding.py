"""Whole texts are padded to the width of their batch, which must not change a prediction."""

from typing import Any

import numpy as np
import pytest

from rnnbench.core.errors import ParamsError
from rnnbench.data.format import Meta
from rnnbench.data.ragged import Ragged
from rnnbench.models import model_class
from rnnbench.models.keras import Settings

MODEL = model_class("keras")
EMBEDDING = {"Embedding": {"output_dim": 4, "mask_zero": True}}
LSTM = {"LSTM": {"units": 3}}
ALL_STEPS = {"LSTM": {"units": 3, "return_sequences": True}}


def bidirectional(layer: Any) -> dict:
    return {"Bidirectional": {"layer": layer}}


def convolution(size: int, **arguments: Any) -> dict:
    return {"Conv1D": {"filters": 3, "kernel_size": size, **arguments}}


def build(index_meta: Meta, layers: list) -> Any:
    meta = index_meta.model_copy(update={"shape": (None,)})
    sizes = {"optimizer": "Adam", "epochs": 1, "batch_size": 8}
    settings = Settings(dataset="d", model="keras", layers=[EMBEDDING, *layers], **sizes)
    return MODEL.build(settings, meta, seed=1)


@pytest.mark.parametrize(
    "layers",
    [
        [LSTM],
        [{"GRU": {"units": 3}}],
        [{"SimpleRNN": {"units": 3, "go_backwards": True}}],
        [bidirectional(ALL_STEPS), bidirectional(LSTM)],
        ["GlobalAveragePooling1D"],
        ["LayerNormalization", {"Dropout": {"rate": 0.5}}, "BatchNormalization", LSTM],
        [{"TimeDistributed": {"layer": {"Dense": {"units": 3}}}}, "GlobalAveragePooling1D"],
        # After its last word, a text has the last state again.
        [ALL_STEPS, "GlobalMaxPooling1D"],
    ],
    ids=str,
)
def test_a_text_alone_is_predicted_as_among_longer_ones(index_meta: Meta, layers: list) -> None:
    model = build(index_meta, layers)
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 1000, length) for length in (64, 1, 30, 200)]
    among = model.predict(Ragged.of([*texts, *[texts[-1]] * 3], 1000))
    alone = [float(model.predict(Ragged.of([text], 1000))[0]) for text in texts]
    np.testing.assert_allclose(among[: len(texts)], alone, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "key"),
    [
        ([convolution(3, padding="same"), {"MaxPooling1D": {}}, LSTM], "layers[1].Conv1D"),
        ([ALL_STEPS, convolution(3, padding="causal"), LSTM], "layers[2].Conv1D"),
        # It needs more steps than the shortest text has.
        ([convolution(9), "GlobalAveragePooling1D"], "layers[1].Conv1D"),
        (["GlobalMaxPooling1D"], "layers[1].GlobalMaxPooling1D"),
        # After its last word, a text has zeros.
        ([bidirectional(ALL_STEPS), "GlobalMaxPooling1D"], "layers[2].GlobalMaxPooling1D"),
        ([{"GroupNormalization": {"groups": 2}}, LSTM], "layers[1].GroupNormalization"),
        # The output is the same, but not the loss.
        (
            [{"LSTM": {"units": 3, "return_sequences": True, "activity_regularizer": "l2"}}, LSTM],
            "layers[1].LSTM",
        ),
    ],
    ids=str,
)
def test_the_layer_after_which_padding_counts_is_named(
    index_meta: Meta, layers: list, key: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        build(index_meta, layers)
    (error,) = caught.value.errors
    assert error.key == key
    assert "padding counts as words" in error.problem


def test_a_layer_that_cannot_run_with_a_mask_is_named(index_meta: Meta) -> None:
    with pytest.raises(ParamsError, match=r"layers\[1\]\.Softmax: Keras: .*mask"):
        build(index_meta, ["Softmax", LSTM])


def test_samples_of_one_length_may_have_any_layers(index_meta: Meta) -> None:
    layers = [EMBEDDING, convolution(3), "GlobalMaxPooling1D"]
    sizes = {"optimizer": "Adam", "epochs": 1, "batch_size": 8}
    settings = Settings(dataset="d", model="keras", layers=layers, **sizes)
    assert MODEL.build(settings, index_meta, seed=1).parameters > 4000
