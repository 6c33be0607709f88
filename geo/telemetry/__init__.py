"""What drones write down about where they were: one module per format, their quirks as data."""
