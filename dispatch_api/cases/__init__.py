"""Cases: one thing in one place over time."""
