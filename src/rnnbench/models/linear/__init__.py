"""Linear classification of n-grams: no word order beyond three words.

Log-count ratios weight the n-grams, and logistic regression separates them.
Source: Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012.
"""

from __future__ import annotations

from pydantic import Field

from rnnbench.data.roles import STRONG_BASELINE
from rnnbench.models.base import NO_NETWORK, Architecture, VariantSettings


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

    @property
    def role(self) -> str:
        """A strong baseline."""
        return STRONG_BASELINE

    @property
    def architecture(self) -> Architecture:
        """Of no network, with the settings instead of layers."""
        layers = f"ngrams={self.ngrams}, alpha={self.alpha}, min_count={self.min_count}, C={self.C}"
        return NO_NETWORK | {"layers": layers, "optimizer": "liblinear"}
