from rnnbench.data.roles import STRONG_BASELINE
from rnnbench.models.base import NO_NETWORK, VariantSettings


class Settings(VariantSettings):
    alpha: float = 1.0  # what is added to every count
    role = property(lambda _: STRONG_BASELINE)
    architecture = property(lambda self: NO_NETWORK | {"layers": f"alpha={self.alpha}"})
