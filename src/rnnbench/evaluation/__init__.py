"""The evaluate stage: predictions become scores."""
