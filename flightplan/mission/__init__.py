"""What one drone does from take-off to landing: items, limits, guards, and the figures that follow from them."""
