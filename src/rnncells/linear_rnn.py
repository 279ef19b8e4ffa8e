"""The layer around a cell whose state is linear in the state before."""

from __future__ import annotations

from typing import Any

from keras import ops, tree

from rnncells.cell_layer import CellLayer
from rnncells.linear_recurrence import forward_fill, linear_recurrence


class LinearRNN(CellLayer):
    """As `CellLayer`; all products with weights are taken for all steps at once.

    The cell has `state_size`, as for keras.layers.RNN, `output_size` if it differs, and two
    methods instead of a step:

    coefficients(x, mask) -> (a, b, context): those of `linear_recurrence` for the inputs
        x (steps, batch, features) and a mask (steps, batch, 1), bool, or None. The context is what
        the outputs depend on besides the states, (steps, batch, anything); None if they are the
        states.
    output(h, context): the outputs (steps, batch, units) for states h and their context.

    unroll has no effect.
    """

    def inner_loop(
        self,
        sequences: Any,
        initial_state: list[Any],
        mask: Any,
        training: bool = False,  # noqa: ARG002
    ) -> tuple[Any, Any, list[Any]]:
        """The last output, all outputs (only the last, without return_sequences), and the state."""
        x = ops.transpose(sequences, (1, 0, 2))
        if mask is not None:
            mask = ops.cast(ops.transpose(mask)[..., None], "bool")
        if self.go_backwards:
            x, mask = (part if part is None else ops.flip(part, 0) for part in (x, mask))
        a, b, context = self.cell.coefficients(x, mask)
        initial = initial_state[0] if len(initial_state) == 1 else tuple(initial_state)
        h = linear_recurrence(a, b, initial, mask)
        states = [part[-1] for part in tree.flatten(h)]
        shown = mask
        if not self.return_sequences:
            # Before the products of the output, which are needed for one step only.
            h = tree.map_structure(lambda part: part[-1:], h)
            if context is not None:
                context = context[-1:] if mask is None else _last_unmasked(context, mask)
            if mask is not None:
                shown = mask[-1:] if self.zero_output_for_mask else ops.any(mask, 0, keepdims=True)
        y = self.cell.output(h, context)
        if mask is not None and (self.zero_output_for_mask or not self.return_sequences):
            y = ops.where(shown, y, ops.zeros_like(y))
        # States repeat themselves. (A given initial state too, where Keras would have zeros.)
        elif mask is not None and context is not None:
            y = forward_fill(y, mask)
        return y[-1], ops.transpose(y, (1, 0, 2)), states


def _last_unmasked(x: Any, mask: Any) -> Any:
    """Of each sequence, (1, batch, features)."""
    steps = ops.arange(ops.shape(mask)[0], dtype="int32")[:, None, None]
    last = ops.max(ops.where(mask, steps, -1), axis=0, keepdims=True)
    return ops.sum(ops.where(steps == last, x, ops.zeros_like(x)), axis=0, keepdims=True)
