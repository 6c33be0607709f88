"""A city's fleet: which dock flies which rows, when, and why it cannot be quicker."""
