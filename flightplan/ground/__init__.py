"""Where is flown over: areas, shapes read from files, elevation models."""
