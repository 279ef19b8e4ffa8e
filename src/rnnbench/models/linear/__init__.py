"""Linear classification of n-grams: no word order beyond three words.

Log-count ratios weight the n-grams, and logistic regression separates them.
Source: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from rnnbench.data.roles import STRONG_BASELINE
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings

if TYPE_CHECKING:
    from rnnbench.models.linear.model import Model


class Settings(VariantSettings):
    """A variant with n-gram features and logistic regression.

    ngrams: the maximum length of an n-gram, in words; shorter ones are features too.
    alpha: the smoothing added to every n-gram count before the log-count ratio.
    min_count: the minimum number of training samples that contain an n-gram for it to be a feature.
    C: the inverse regularization strength, as in scikit-learn.
    """

    ngrams: int = Field(default=3, ge=1, le=3)
    alpha: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    min_count: int = Field(default=2, ge=1)
    C: float = Field(default=1.0, gt=0, allow_inf_nan=False)


def model_class() -> type[Model]:
    """The class of the models; imports scikit-learn."""
    from rnnbench.models.linear.model import Model

    return Model


def role(settings: Settings) -> str:  # noqa: ARG001 - the same for all
    """One of `rnnbench.data.roles`."""
    return STRONG_BASELINE


def describe(settings: Settings) -> Architecture:
    """The architecture, with the keys of the Keras family."""
    layers = (
        f"ngrams={settings.ngrams}, alpha={settings.alpha}, "
        f"min_count={settings.min_count}, C={settings.C}"
    )
    return NO_NETWORK | {"layers": layers, "optimizer": "liblinear"}
