"""What the scores of a variant's replicates differ by: seeds, splits and samples."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rnnbench.evaluation.outputs import MIN_REPLICATES


def standard_deviations(
    replicates: pd.DataFrame, measure: str, stochastic: bool
) -> dict[str, float | None]:
    """The standard deviations of a single replicate's score: in all, and of its three parts.

    replicates: as `rnnbench.evaluation.outputs.read_replicates` returns it, with "split" and
        `measure`. stochastic: whether a training depends on its seed.

    sd: between replicates. sd_sample: by the choice of the evaluation samples, as if they were
    independent. sd_seed: between trainings on the same split. sd_split: the rest, which the
    training samples and the dependence of the evaluation samples make up; both need several seeds
    in a split, or a training without seed. None where fewer than three replicates, or two degrees
    of freedom, would estimate one.
    """
    found: dict[str, float | None] = dict.fromkeys(("sd", "sd_seed", "sd_split", "sd_sample"))
    values = replicates[measure]
    if len(values) < MIN_REPLICATES:
        return found
    found["sd"] = float(values.std())
    sample = float((replicates[f"{measure}_sample_sd"] ** 2).mean())
    found["sd_sample"] = float(np.sqrt(sample))
    by_split = values.groupby(replicates["split"])
    means, sizes = by_split.mean(), by_split.size()
    degrees = int((sizes - 1).sum())
    seed = 0.0
    if stochastic:
        if degrees < MIN_REPLICATES - 1:
            return found
        within = values - by_split.transform("mean")
        seed = float((within**2).sum() / degrees)
        found["sd_seed"] = float(np.sqrt(seed))
    if len(means) >= MIN_REPLICATES:
        between = float(means.var(ddof=1)) - seed * float((1 / sizes).mean()) - sample
        found["sd_split"] = float(np.sqrt(max(between, 0.0)))
    return found
