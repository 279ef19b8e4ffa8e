"""The layer around a cell: what all recurrent layers with nonlinear steps share."""

from __future__ import annotations

from typing import Any, Self

import keras


class CellLayer(keras.layers.RNN):  # type: ignore[misc]
    """A layer whose arguments are those of its cell and those of keras.layers.RNN.

    x (batch, steps, features) gives (batch, units), or (batch, steps, units) with
    return_sequences; both of the layer's dtype. Masks, go_backwards, return_state, stateful, unroll
    and Bidirectional work as for keras.layers.LSTM.
    """

    def __init__(self, cell: type[Any], arguments: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(cell(**arguments, dtype=kwargs.get("dtype")), **kwargs)
        self.arguments = arguments

    def get_config(self) -> dict[str, Any]:
        """The arguments of the cell instead of the cell, which needs no registration so."""
        config: dict[str, Any] = super().get_config()
        del config["cell"]
        return config | self.arguments

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A layer with these arguments and new weights."""
        return cls(**config)
