"""The `rnnbench` command."""
