"""Property tests with the same examples in every run."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def check(examples: int, holds: Callable[..., Any], *strategies: st.SearchStrategy) -> None:
    """Run `holds` with values of the strategies."""
    run = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run(given(*strategies)(holds))()
