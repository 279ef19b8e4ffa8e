"""Which differences are significant: intervals, paired tests, groups, published figures."""
