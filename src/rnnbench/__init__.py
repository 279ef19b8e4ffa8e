"""A reproducible comparison of recurrent networks: one command, real data, honest intervals."""
