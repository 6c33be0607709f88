"""Retention: what is told and then is of no use any more is not kept for ever."""
