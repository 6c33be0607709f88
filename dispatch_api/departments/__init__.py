"""Departments, and the rules that say which of them is responsible."""
