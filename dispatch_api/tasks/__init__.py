"""Tasks: the work of one department on one case."""
