"""Open311 GeoReport v2: citizens report, and ask what became of it.

A report is a pin on a map with a wide error. Where exactly one open case of the same family can be meant, the report
belongs to that case and adds to its history: no second case, no second task. Where none or several can be meant, it
becomes a case of its own that waits for a person, who sees the others as suggestions. A pin never moves the place of a
case, for it is worse than any that a drone measured.
"""
