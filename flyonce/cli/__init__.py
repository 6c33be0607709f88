"""Command line of flyonce, one module per command group."""
