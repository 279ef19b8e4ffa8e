"""Sizes of recurrent layers, the units that a budget buys, and layers with other cells."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from rnnbench.core.errors import ParamsError
from rnnbench.data.format import Meta
from rnnbench.models.recurrent import Size, size, units_for, with_recurrent_layers

STEPS, FEATURES = 6, 2
NUMBERS = Meta(
    corpus="product",
    encoding="number",
    target="number",
    classes=(),
    shape=(STEPS, FEATURES),
    vocabulary_size=0,
)
WORDS = Meta(
    corpus="imdb",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(None,),
    vocabulary_size=9,
)
MIN_GRU = "docs/examples/min_gru.py:MinGRU"
# Layer -> gates, and biases of each unit and gate.
CELLS = {"SimpleRNN": (1, 1), "LSTM": (4, 1), "GRU": (3, 2)}


def products(cell: str, inputs: int, units: int) -> int:
    """Multiplications and additions of one step."""
    return 2 * inputs * units if cell == MIN_GRU else CELLS[cell][0] * units * (inputs + units)


def parameters(cell: str, inputs: int, units: int) -> int:
    biases = 2 * units if cell == MIN_GRU else CELLS[cell][0] * CELLS[cell][1] * units
    return products(cell, inputs, units) + biases


def of(*layers: Any, meta: Meta = NUMBERS) -> Size:
    return size(list(layers), True, meta)


@pytest.mark.parametrize("cell", [*CELLS, MIN_GRU])
def test_the_size_of_one_layer_follows_its_formula(cell: str) -> None:
    expected = Size(5, parameters(cell, FEATURES, 5), STEPS * products(cell, FEATURES, 5))
    assert of({cell: {"units": 5}}) == expected


@pytest.mark.parametrize("cell", [*CELLS, MIN_GRU])
def test_stacked_and_bidirectional_layers_add_up(cell: str) -> None:
    stacked = with_recurrent_layers([{cell: {"units": 3}}, "Dropout"], depth=2)
    found = size(stacked[:2], True, NUMBERS)
    assert found.parameters == parameters(cell, FEATURES, 3) + parameters(cell, 3, 3)
    assert found.multiply_adds == STEPS * (products(cell, FEATURES, 3) + products(cell, 3, 3))
    both = of(*with_recurrent_layers([{cell: {"units": 3}}], depth=2, bidirectional=True))
    assert both.units == 3
    assert both.parameters == 2 * (parameters(cell, FEATURES, 3) + parameters(cell, 6, 3))


def test_other_layers_do_not_count() -> None:
    alone = of({"GRU": {"units": 3}})
    assert of({"GRU": {"units": 3}}, {"Dense": {"units": 9}}, {"Dropout": {"rate": 0.5}}) == alone
    embedded = of({"Embedding": {"output_dim": 2}}, {"GRU": {"units": 3}}, meta=short())
    assert embedded == alone


def short(**changes: Any) -> Meta:
    return WORDS.model_copy(update={"shape": (STEPS,), **changes})


def test_layers_of_different_sizes_have_no_common_number_of_units() -> None:
    found = of({"LSTM": {"units": 3, "return_sequences": True}}, {"LSTM": {"units": 2}})
    assert found.units is None
    assert found.parameters == parameters("LSTM", FEATURES, 3) + parameters("LSTM", 3, 2)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_masked_texts_of_any_length_have_parameters_but_no_compute(bidirectional: bool) -> None:
    masked = {"Embedding": {"output_dim": 4, "mask_zero": True}}
    layers = with_recurrent_layers([masked, {"GRU": {"units": 3}}], bidirectional=bidirectional)
    found = size(layers, True, WORDS)
    directions = 2 if bidirectional else 1
    assert found == Size(3, directions * parameters("GRU", 4, 3), None)
    fixed = size(layers, True, short())
    assert fixed.multiply_adds == directions * STEPS * products("GRU", 4, 3)


@pytest.mark.parametrize("one_hot", [(1,), (STEPS,)])
def test_layers_that_encode_the_input_do_not_hide_the_recurrent_one(one_hot: Any) -> None:
    meta = short(encoding="one_hot", shape=one_hot)
    found = of({"LSTM": {"units": 2}}, meta=meta)
    assert found.parameters == parameters("LSTM", WORDS.vocabulary_size, 2)
    assert found.multiply_adds == one_hot[0] * products("LSTM", WORDS.vocabulary_size, 2)


def test_a_changed_layer_file_has_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").touch()
    file = Path(shutil.copy("docs/examples/min_gru.py", tmp_path / "mine.py"))
    monkeypatch.chdir(tmp_path)
    layer = {"mine.py:MinGRU": {"units": 3}}
    before = of(layer).parameters
    text = file.read_text()
    file.write_text(text.replace('name="bias")', 'name="bias")\n        self.add_weight((5,))'))
    assert of(layer).parameters == before + 5


# The units of a budget


def with_units(cell: str, **options: Any) -> Any:
    return lambda units: with_recurrent_layers([{cell: {"units": 1}}], units=units, **options)


@pytest.mark.parametrize("measure", ["parameters", "multiply_adds"])
@pytest.mark.parametrize("cell", [*CELLS, MIN_GRU])
def test_the_units_of_a_budget_are_the_nearest_and_of_two_the_smaller(
    cell: str, measure: str
) -> None:
    layers = with_units(cell)
    sizes = {n: getattr(size(layers(n), True, NUMBERS), measure) for n in range(1, 9)}
    middles = [(sizes[n] + sizes[n + 1]) // 2 for n in range(1, 8)]
    budgets = sorted({sizes[1], *sizes.values(), *middles, *(m + 1 for m in middles)})
    budgets = [budget for budget in budgets if budget <= sizes[8]]
    found = [units_for(budget, measure, layers, True, NUMBERS) for budget in budgets]
    nearest = [min(sizes, key=lambda n: (abs(sizes[n] - budget), n)) for budget in budgets]
    assert found == nearest
    assert found == sorted(found)
    assert len(set(found)) == 8


def test_the_budget_is_that_of_all_layers_and_both_directions() -> None:
    layers = with_units("GRU", depth=2, bidirectional=True)
    budget = size(layers(4), True, NUMBERS).parameters
    assert units_for(budget, "parameters", layers, True, NUMBERS) == 4


def test_a_budget_below_one_unit_or_without_bound_is_an_error() -> None:
    smallest = parameters("LSTM", FEATURES, 1)
    assert units_for(smallest, "parameters", with_units("LSTM"), True, NUMBERS) == 1
    with pytest.raises(ValueError, match=f"one unit has {smallest}, more than {smallest - 1}"):
        units_for(smallest - 1, "parameters", with_units("LSTM"), True, NUMBERS)
    with pytest.raises(ValueError, match="units have less than 1,000,000,000,000"):
        units_for(10**12, "parameters", with_units(MIN_GRU), True, NUMBERS)


def test_compute_needs_samples_of_one_length() -> None:
    def layers(units: int) -> list[Any]:
        return [{"Embedding": {"output_dim": 2, "mask_zero": True}}, {"LSTM": {"units": units}}]

    assert units_for(40, "parameters", layers, True, WORDS) == 2
    with pytest.raises(ValueError, match="samples of different lengths have no equal compute"):
        units_for(10**5, "multiply_adds", layers, True, WORDS)


def test_layers_that_keras_rejects_are_an_error_of_params() -> None:
    with pytest.raises(ParamsError, match="LSTM"):
        of({"LSTM": {"units": 3, "unheard_of": 1}})


# Other recurrent layers

DENSE = {"Dense": {"units": 7}}


def test_another_cell_keeps_the_units_and_what_stands_before_and_after() -> None:
    before = [{"Embedding": {"output_dim": 3}}, {"LSTM": {"units": 5, "dropout": 0.1}}, DENSE]
    found = with_recurrent_layers(before, cell="GRU")
    assert found == [before[0], {"GRU": {"units": 5}}, DENSE]
    own = with_recurrent_layers(before, cell={"GRU": {"reset_after": False, "units": 2}})
    assert own[1] == {"GRU": {"reset_after": False, "units": 2}}
    assert with_recurrent_layers(before, cell={"GRU": {"units": 2}}, units=9)[1] == {
        "GRU": {"units": 9}
    }


def test_other_units_keep_the_arguments_of_the_cell() -> None:
    found = with_recurrent_layers([{"LSTM": {"units": 5, "dropout": 0.1}}], units=2)
    assert found == [{"LSTM": {"units": 2, "dropout": 0.1}}]


@pytest.mark.parametrize("sequences", [False, True])
def test_only_the_last_of_several_layers_keeps_its_kind_of_output(sequences: bool) -> None:
    kind = {"return_sequences": True} if sequences else {}
    found = with_recurrent_layers([{"LSTM": {"units": 2, **kind}}], depth=3)
    inner = {"LSTM": {"units": 2, "return_sequences": True}}
    assert found == [inner, inner, {"LSTM": {"units": 2, **kind}}]
    assert with_recurrent_layers(found, depth=1) == [{"LSTM": {"units": 2, **kind}}]


def test_both_directions_wrap_each_layer_and_keep_the_arguments_of_the_wrapper() -> None:
    layer = {"GRU": {"units": 2}}
    both = with_recurrent_layers([layer], bidirectional=True)
    assert both == [{"Bidirectional": {"layer": layer}}]
    summed = [{"Bidirectional": {"layer": layer, "merge_mode": "sum"}}]
    assert with_recurrent_layers(summed, bidirectional=False) == [layer]
    changed = with_recurrent_layers(summed, cell="LSTM", depth=2)
    assert [spec["Bidirectional"]["merge_mode"] for spec in changed] == ["sum", "sum"]
    first = {"LSTM": {"units": 2, "return_sequences": True}}
    assert changed[0]["Bidirectional"]["layer"] == first
    assert changed[1]["Bidirectional"]["layer"] == {"LSTM": {"units": 2}}


def test_the_given_layers_stay_as_they_are() -> None:
    layers = [{"LSTM": {"units": 2, "kernel_initializer": {"class_name": "Zeros", "config": {}}}}]
    found = with_recurrent_layers(layers, units=3, depth=2)
    for spec in found:
        spec["LSTM"]["kernel_initializer"]["class_name"] = "Ones"
    assert layers[0]["LSTM"]["kernel_initializer"]["class_name"] == "Zeros"
    assert layers[0]["LSTM"]["units"] == 2


@pytest.mark.parametrize(
    ("layers", "cell", "problem"),
    [
        (["Flatten", DENSE], None, "no recurrent layer"),
        ([{"LSTM": {}}, {"Dropout": {"rate": 0.1}}, {"GRU": {}}], None, "stand between"),
        ([{"LSTM": {"units": 2}}], "Dense", "Dense is no recurrent layer"),
        ([{"LSTM": {"units": 2}}], {"Bidirectional": {"layer": "GRU"}}, "is no recurrent layer"),
    ],
)
def test_what_cannot_be_replaced_is_an_error(layers: list[Any], cell: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        with_recurrent_layers(layers, cell=cell)
