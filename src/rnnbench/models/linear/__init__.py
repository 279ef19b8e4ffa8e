"""Linear classification of n-grams: what word order within three words stage_lock achieves.

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
    """A variant made of n-grams and logistic regression.

    ngrams: the longest n-gram, in words; all shorter ones are features too.
    alpha: what is added to every n-gram's count before the log-count ratio.
    min_count: the number of training samples that must hold an n-gram for it to be a feature.
    C: the inverse strength of the regularization, as scikit-learn defines it.
    """

    ngrams: int = Field(default=3, ge=1, le=3)
    alpha: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    min_count: int = Field(default=2, ge=1)
    C: float = Field(default=1.0, gt=0, allow_inf_nan=False)


def model_class() -> type[Model]:
    """The class that builds, trains and loads; imports it now."""
    from rnnbench.models.linear.model import Model

    return Model


def role(settings: Settings) -> str:  # noqa: ARG001 - the same for all
    """One of `rnnbench.data.roles`."""
    return STRONG_BASELINE


def describe(settings: Settings) -> Architecture:
    """The architecture as flat scalars, under the names that the Keras family uses."""
    layers = (
        f"ngrams={settings.ngrams}, alpha={settings.alpha}, "
        f"min_count={settings.min_count}, C={settings.C}"
    )
    return NO_NETWORK | {"layers": layers, "optimizer": "liblinear"}
