"""A logged model: raw text in, label and probability out; arrays where the corpus has no text.

MLflow stores this file's path with the model and runs it when the model is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnbench import models
from rnnbench.data.format import read_meta
from rnnbench.preprocessing.encoders import ENCODER, read_encoder


class Served(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Encodes input as its dataset was prepared, and answers."""

    def load_context(self, context: Any) -> None:
        """Read the encoder and the model from the run's artifacts."""
        data = Path(context.artifacts["data"])
        self._meta = read_meta(data)
        self.classes = self._meta.classes
        self._encoder = read_encoder(data) if (data / ENCODER).exists() else None
        family = models.load(context.model_config["family"]).model_class()
        self._model = family.load(Path(context.artifacts["model"]))

    def predict(
        self,
        context: Any,  # noqa: ARG002
        # An array where the signature is of tensors; MLflow takes no hint that says so.
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame | NDArray[np.float32]:
        """For texts one row each: the likelier class, and its probability.

        With two classes it is always the probability of the second one. Arrays of samples, as
        data/prepared stores them, give the predictions that `rnnbench.data.scoring` describes.
        Raises MlflowException for ids that the dataset does not have.
        """
        if self._encoder is None:
            samples = np.asarray(model_input)
            # A network would take another id for it without a word.
            outside = (samples < 0) | (samples >= self._meta.vocabulary_size)
            if self._meta.encoding != "number" and outside.any():
                limit = f"ids must be from 0 to {self._meta.vocabulary_size - 1}"
                raise mlflow.MlflowException.invalid_parameter_value(limit)
            answer: NDArray[np.float32] = self._model.predict(samples)
            return answer
        probabilities = self.probabilities(list(pd.DataFrame(model_input).iloc[:, 0]))
        chosen = probabilities.argmax(axis=1)
        probability = probabilities[:, 1] if len(self.classes) == 2 else probabilities.max(axis=1)
        labels = [self.classes[i] for i in chosen]
        return pd.DataFrame({"label": labels, "probability": probability})

    def probabilities(self, texts: list[str]) -> NDArray[np.float64]:
        """The probability of each of `classes` for each text, shape (texts, classes).

        Raises TypeError if the model takes no text.
        """
        if self._encoder is None:
            raise TypeError("this model takes arrays, not text")
        prediction = self._model.predict(self._encoder.encode(texts)).astype("float64")
        if prediction.ndim == 1:
            return np.stack([1 - prediction, prediction], axis=1)
        return np.asarray(prediction)


mlflow.models.set_model(Served())
