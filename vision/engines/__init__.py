"""What runs a network: one small protocol, an engine per module, and the choice among those that are installed."""
