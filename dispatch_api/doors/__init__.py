"""Doors for machines: contracts that others are held to, on top of what the desks do."""
