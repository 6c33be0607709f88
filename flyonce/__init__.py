"""Composition: settings, pipeline and command line; nothing imports this package."""
