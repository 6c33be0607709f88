"""Monthly figures: how many cases were closed, in time, sent back, put off, and came back; see docs/figures.md."""
