"""A reproducible comparison of recurrent networks: one command, replicates, intervals."""

from rnnbench.core.environment import pin

OVERRIDDEN = pin()
