"""What a study shows: the best setting of each level, tests, tuning, compute; and its page."""
