"""The train stage: one variant, all its replicates."""
