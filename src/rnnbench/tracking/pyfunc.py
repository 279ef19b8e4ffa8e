"""A logged model: raw text in, label and probability or a number out; arrays for arrays.

MLflow stores the path of this file with the model and runs it when the model is loaded.
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
from rnnbench.data.scoring import or_prior
from rnnbench.preprocessing.encoders import ENCODER, read_encoder


class LoggedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Encodes its input as the dataset was encoded, and predicts."""

    def load_context(self, context: Any) -> None:
        """Read the encoder and the model from the artifacts of the run."""
        model = Path(context.artifacts["model"])
        self._meta = read_meta(model.parent)
        self.classes = self._meta.classes
        encoder = (model.parent / ENCODER).exists()
        self._encoder: Any = read_encoder(model.parent) if encoder else None
        self._model = models.model_class(context.model_config["family"]).load(model)
        self._prior = np.asarray(context.model_config["prior"], np.float32)

    def predict(
        self,
        context: Any,  # noqa: ARG002
        # An array if the signature is one of tensors; MLflow accepts no type hint for both.
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> pd.DataFrame | NDArray[np.float32]:
        """Columns "label" and "probability", one row per text; "prediction" if it is a number.

        The label is the most probable class. With two classes the probability is always that of
        the second class, else that of the label. Arrays of samples, shape (n, ...) as in
        data/prepared, give the predictions that `rnnbench.data.scoring` describes. Where the model
        predicts no number, the result is the prior of its training part.
        Raises MlflowException for ids outside the vocabulary.
        """
        if self._encoder is None:
            samples = np.asarray(model_input)
            # An embedding would silently read another row.
            invalid = (samples < 0) | (samples >= self._meta.vocabulary_size)
            if self._meta.encoding != "number" and invalid.any():
                limit = f"ids must be from 0 to {self._meta.vocabulary_size - 1}"
                raise mlflow.MlflowException.invalid_parameter_value(limit)
            return self._finite(samples)
        probabilities = self.of_texts(list(pd.DataFrame(model_input).iloc[:, 0]))
        if not self.classes:
            return pd.DataFrame({"prediction": probabilities[:, 0]})
        labels = [self.classes[i] for i in probabilities.argmax(axis=1)]
        probability = probabilities[:, 1] if len(self.classes) == 2 else probabilities.max(axis=1)
        return pd.DataFrame({"label": labels, "probability": probability})

    def of_texts(self, texts: list[str]) -> NDArray[np.float64]:
        """The probability of each of `classes` for each text, shape (texts, classes).

        If there are no classes: the predicted number, shape (texts, 1).
        """
        prediction = self._finite(self._encoder.encode(texts)).astype("float64")
        if not self.classes:
            return np.asarray(prediction[:, None])
        if prediction.ndim == 1:
            return np.stack([1 - prediction, prediction], axis=1)
        return np.asarray(prediction)

    def _finite(self, samples: Any) -> NDArray[np.float32]:
        return or_prior(self._meta, self._model.predict(samples), self._prior)


mlflow.models.set_model(LoggedModel())
