"""The roles that a variant can have in the comparison; its model family decides which one."""

RECURRENT = "recurrent network"
OTHER = "other network"
BASELINE = "baseline"
STRONG_BASELINE = "strong baseline"
