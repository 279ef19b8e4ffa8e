"""What holds besides `CellTests` for each layer whose recurrence is linear."""

from typing import Any

import numpy as np
import pytest

from rnnbench.data.format import Meta, Samples
from rnnbench.data.ragged import Ragged
from rnnbench.models import layer_checks
from rnnbench.models.keras import Settings, custom
from rnnbench.models.keras.model import Model
from rnnbench.models.keras.runtime import load_backend
from tests.rnncells.cell_tests import FEATURES, STEPS, UNITS, CellTests, built, inputs

tf, keras = load_backend()

REVIEWS = Meta(
    corpus="reviews",
    encoding="index",
    target="binary",
    classes=("negative", "positive"),
    shape=(None,),
    vocabulary_size=20,
)


class LinearRNNTests(CellTests):
    @pytest.fixture
    def reference_in_params(self, monkeypatch: pytest.MonkeyPatch) -> str:
        # An environment made before the package does not know that it is installed.
        monkeypatch.setattr(custom, "packages_distributions", lambda: {"rnncells": ["rnnbench"]})
        return f"rnncells:{self.layer.__name__}"

    @pytest.mark.parametrize("zero", [False, True])
    def test_masked_steps_have_the_output_before_or_zeros(self, zero: bool) -> None:
        mask = np.array([[1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1], [0] * STEPS], bool)
        last = self.built(zero_output_for_mask=zero)
        whole = self.built(zero_output_for_mask=zero, return_sequences=True)
        found, before = np.asarray(whole(inputs(), mask=mask)), 0
        for step in range(STEPS):
            expected = np.where(mask[:, step, None], found[:, step], 0 if zero else before)
            np.testing.assert_array_equal(found[:, step], expected)
            before = expected
        np.testing.assert_allclose(last(inputs(), mask=mask), found[:, -1], atol=1e-6)

    def test_go_backwards_with_a_mask_is_the_reversed_sequence(self) -> None:
        mask = np.array([[1, 1, 0, 1, 1, 0], [0, 0, 1, 1, 1, 1], [1] * STEPS], bool)
        forward, backward = (
            self.built(return_sequences=True, go_backwards=value) for value in (False, True)
        )
        expected = forward(inputs()[:, ::-1], mask=mask[:, ::-1])
        np.testing.assert_array_equal(backward(inputs(), mask=mask), expected)

    @pytest.mark.parametrize("masked", [False, True])
    def test_one_xla_program_is_traced_for_all_shapes(self, masked: bool) -> None:
        layer = self.built(return_sequences=True, dtype="float64")

        def run(x: Any, mask: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, mask=mask if masked else None)
                loss = tf.reduce_sum(y**2)
            return y, tape.gradient(loss, x)

        numbers = tf.TensorSpec((None, None, FEATURES), tf.float64)
        shapes = numbers, tf.TensorSpec((None, None), tf.bool)
        compiled = tf.function(run, input_signature=shapes, jit_compile=True)
        for x in (inputs(), inputs(9)[:2]):
            arguments = tf.constant(x), tf.constant(x[..., 0] < 1)
            for ours, theirs in zip(compiled(*arguments), run(*arguments), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-9)

    def test_rnnbench_can_compare_it(self, reference_in_params: str) -> None:
        arguments = {"units": UNITS} | self.arguments
        found = layer_checks.check_layer(reference_in_params, arguments)
        assert [problem for problem in found if problem[1]] == []

    def test_texts_of_many_lengths_are_learned(self, reference_in_params: str) -> None:
        rng = np.random.default_rng(3)
        y = rng.integers(0, 2, 48)
        # Positive texts have larger ids.
        texts = [rng.integers(1 + 7 * c, 13 + 7 * c, rng.integers(2, 80)) for c in y]
        samples = Samples(Ragged.of(texts, 20), y, np.arange(48, dtype=np.int32))
        layer = {reference_in_params: {"units": UNITS} | self.arguments}
        embedding = {"Embedding": {"output_dim": 4, "mask_zero": True}}
        settings = Settings(
            layers=[embedding, {"Bidirectional": {"layer": layer}}],
            dataset="reviews",
            model="keras",
            optimizer={"Adam": {"learning_rate": 0.02}},
            epochs=6,
            batch_size=16,
        )
        model = Model.build(settings, REVIEWS, 1)
        losses: list[float] = []
        model.fit(settings, 1, samples, samples.x, lambda epoch: losses.append(epoch.loss))
        assert losses[-1] < 0.8 * losses[0]


def weights_of(layer: type, **arguments: Any) -> tuple[Any, list[Any]]:
    """A layer in float64 that returns all outputs, and its weights as NumPy arrays."""
    made = built(layer, dtype="float64", return_sequences=True, **arguments)
    return made, made.get_weights()
