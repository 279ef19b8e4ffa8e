import numpy as np
import pytest

from rnnbench.core.errors import ParamsError
from rnnbench.models.keras.network import build, check, optimizer
from tests.frozen import PARAMS


def test_the_tutorials_one_hot_network_has_4289_parameters(one_hot_meta) -> None:
    settings = PARAMS.variant("imdb_simple_rnn_one_hot")
    assert build(settings.layers, one_hot_meta, seed=1).count_params() == 4289


def test_padding_has_its_own_one_hot_column(one_hot_meta) -> None:
    network = build([{"SimpleRNN": {"units": 2}}], one_hot_meta, seed=1)
    ids = np.zeros((1, 100), dtype=np.int32)
    ids[0, -1] = 99
    encoded = np.array(network.get_layer("one_hot")(ids))
    assert encoded.shape == (1, 100, 100)
    assert encoded[0].argmax(axis=1).tolist() == ids[0].tolist()
    assert (encoded.sum(axis=2) == 1).all()


def test_an_embedding_has_a_row_per_id(index_meta) -> None:
    network = build([{"Embedding": {"output_dim": 4}}, "Flatten"], index_meta, seed=1)
    assert network.layers[0].input_dim == index_meta.vocabulary_size


def test_wrappers_contain_their_layer(index_meta) -> None:
    layers = [{"Embedding": {"output_dim": 4}}, {"Bidirectional": {"layer": {"GRU": {"units": 3}}}}]
    assert build(layers, index_meta, seed=1).layers[1].output.shape == (None, 6)


def test_the_seed_determines_the_initial_weights(index_meta) -> None:
    layers = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3}}]
    first, again, other = (build(layers, index_meta, s).get_weights() for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ([{"LSTM": {"units": 3}}], "Keras: .*ndim"),
        (
            [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 3, "return_sequences": True}}],
            "return_sequences",
        ),
    ],
)
def test_layers_that_do_not_fit_are_an_error(index_meta, layers: list, problem: str) -> None:
    with pytest.raises(ParamsError, match=problem):
        build(layers, index_meta, seed=1)


def test_an_optimizer_has_its_arguments() -> None:
    assert float(optimizer({"Adam": {"learning_rate": 0.25}}).learning_rate) == 0.25
    assert float(optimizer("SGD").learning_rate) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("changes", "layers", "output_layer", "problem"),
    [
        (
            {"shape": (None,)},
            [{"Embedding": {"output_dim": 4}}, "GlobalAveragePooling1D"],
            True,
            "mask_zero",
        ),
        ({}, [{"Embedding": {"output_dim": 4, "input_dim": 10}}, "Flatten"], True, "input_dim 10"),
        ({}, [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 1}}], False, "probabilities"),
        (
            {"target": "number", "classes": ()},
            [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 2}}],
            False,
            "size 1",
        ),
        (
            {"target": "steps"},
            [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 2}}],
            True,
            "return_sequences in every",
        ),
    ],
)
def test_what_keras_would_accept_silently_is_an_error(
    index_meta, changes: dict, layers: list, output_layer: bool, problem: str
) -> None:
    with pytest.raises(ParamsError, match=problem):
        build(layers, index_meta.model_copy(update=changes), 1, output_layer)


@pytest.mark.parametrize(
    "layer",
    [
        {"LSTM": {"units": 1, "return_sequences": True, "return_state": True}},
        {"Bidirectional": {"layer": {"GRU": {"units": 1}}, "merge_mode": None}},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("before", "after", "output_layer"),
    [
        ([], [], False),
        ([], ["Flatten"], True),
        ([{"SimpleRNN": {"units": 2, "return_sequences": True}}], [{"LSTM": {"units": 1}}], False),
        ([{"SimpleRNN": {"units": 2, "return_sequences": True}}], [], True),
    ],
)
def test_a_layer_with_several_outputs_is_named(
    one_hot_meta, layer: dict, before: list, after: list, output_layer: bool
) -> None:
    meta = one_hot_meta.model_copy(update={"target": "number", "classes": (), "shape": (5,)})
    with pytest.raises(ParamsError, match=r"returns [23] outputs, expected one") as caught:
        build([*before, layer, *after], meta, 1, output_layer)
    (error,) = caught.value.errors
    assert error.key == f"layers[{len(before)}].{next(iter(layer))}"


def test_the_layer_that_does_not_fit_the_one_before_it_is_named(one_hot_meta) -> None:
    with pytest.raises(ParamsError, match=r"layers\[1\]\.GRU: Keras: .*expected ndim=3"):
        build([{"LSTM": {"units": 2}}, {"GRU": {"units": 2}}], one_hot_meta, 1)


def test_without_an_output_layer_the_last_layer_is_the_output(index_meta) -> None:
    meta = index_meta.model_copy(update={"target": "number", "classes": ()})
    layers = [{"Embedding": {"output_dim": 4}}, {"LSTM": {"units": 1}}]
    assert build(layers, meta, 1, False).layers[-1].name.startswith("lstm")


def test_checking_a_network_does_not_change_it(index_meta) -> None:
    regular = {"Dense": {"units": 2, "activity_regularizer": "l2"}}
    layers = [{"Embedding": {"output_dim": 4}}, "BatchNormalization", regular, "Flatten"]
    layers = [*layers, {"Dropout": {"rate": 0.5}}]
    network, fresh = (build(layers, index_meta, seed=1) for _ in range(2))
    check(network, layers, index_meta)
    pairs = zip(network.variables, fresh.variables, strict=True)
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)
    assert network.losses == []
    x = np.ones((2, 12), np.int32)
    assert np.array_equal(network(x, training=True), fresh(x, training=True))
    assert len(network.losses) == 1


def test_a_single_one_hot_step_keeps_its_axis(one_hot_meta) -> None:
    meta = one_hot_meta.model_copy(update={"shape": (1,)})
    network = build([{"LSTM": {"units": 2}}], meta, seed=1)
    assert network(np.array([[3], [99]])).shape == (2, 1)
