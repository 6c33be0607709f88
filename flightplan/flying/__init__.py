"""A flight under way: followed to its landing, given orders, and recorded."""
