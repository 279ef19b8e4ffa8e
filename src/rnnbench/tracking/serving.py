"""A logged model: raw text in, label and probability out.

MLflow stores this file's path with the model and runs it when the model is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from rnnbench import models
from rnnbench.encode import TextEncoder


class TextClassifier(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Encodes texts as its dataset was prepared, and classifies them."""

    def load_context(self, context: Any) -> None:
        """Read the encoder and the model from the run's artifacts."""
        self._encoder = TextEncoder.read(Path(context.artifacts["encoder"]))
        family = models.load(context.model_config["family"]).model_class()
        self._model = family.load(Path(context.artifacts["model"]))

    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """One row a text: the likelier class, and the probability of the positive class."""
        probability = self._model.predict(self._encoder.encode(list(model_input.iloc[:, 0])))
        classes = self._encoder.meta.classes
        labels = [classes[int(p > 0.5)] for p in probability]
        return pd.DataFrame({"label": labels, "probability": probability.astype("float64")})


mlflow.models.set_model(TextClassifier())
