"""The staged world of `flyonce demo`: a district, its ground, staged things, and a camera that photographs them.

Nothing here is read by the analysis: it sees only the photos, the zones file and the flight.
"""
