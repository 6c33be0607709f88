"""A city's fleet: which dock flies which rows, and when."""
