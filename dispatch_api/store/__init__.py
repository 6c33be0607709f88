"""The store: a database with one writer at a time, and an append-only history beside the present state."""

from __future__ import annotations

from dispatch_api.store.migrate import migrate
from dispatch_api.store.store import Store, open_store

__all__ = ["Store", "migrate", "open_store"]
