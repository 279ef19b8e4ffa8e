"""The preprocess stage: a fetched corpus becomes a prepared dataset."""
