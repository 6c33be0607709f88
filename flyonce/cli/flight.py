"""`flyonce plan`, `vehicle`, `upload` and `fly`: from a grid area to a flown mission."""

from __future__ import annotations
