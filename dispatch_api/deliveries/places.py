"""Names of places in messages. A position is none: it stays behind the log-in, also where it was reported as a name."""

from __future__ import annotations

import re

_POSITION = re.compile(r"\d{1,3}\.\d{3,}|\d{1,3}\s*°")


def place_name(*names: str | None) -> str | None:
    """The first of these that names a place; None where none does."""
    return next((name for name in names if name and not _POSITION.search(name)), None)
