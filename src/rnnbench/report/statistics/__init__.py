"""What of the scores is real: intervals, paired tests, groups, and published figures."""
