"""A reproducible comparison of recurrent networks: one command, replicates, intervals."""
