"""Looks a whole store over: its database, its history, its index of places, its files."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from dispatch_api.errors import ChainBroken
from dispatch_api.evidence.vault import Vault
from dispatch_api.store.backend import backend_of
from dispatch_api.store.dialects import unplaced
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import original, removed_original
from dispatch_api.store.store import Store
from dispatch_api.store.tallies import miscounted
from dispatch_api.store.url import store_place

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One part of a store that was checked: `name`, whether it is `ok`, and in words what was found."""

    name: str
    ok: bool
    text: str


def check_store(store: Store) -> list[Finding]:
    """Check everything that can be checked without changing anything; originals by presence and size."""
    with store.read() as connection:
        problems = backend_of(store_place(store.url)).problems(connection)
        return [
            _finding("database", problems, "no damage, and settings that keep what was acknowledged"),
            _history(connection),
            _finding("places", _places(connection), "the spatial index finds every case at its place"),
            _finding("counts", miscounted(connection), "cases, tasks and figures are as many as are counted"),
            _finding("originals", _originals(connection, store), "every original's file is there in full"),
        ]


def _finding(name: str, problems: list[str], fine: str) -> Finding:
    if not problems:
        return Finding(name=name, ok=True, text=fine)
    more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return Finding(name=name, ok=False, text="; ".join(problems[:_SHOWN]) + more)


def _history(connection: Connection) -> Finding:
    try:
        checked = verify_history(connection)
    except ChainBroken as error:
        return Finding(name="history", ok=False, text=str(error))
    return Finding(name="history", ok=True, text=f"{checked} entries, each follows the one before")


def _places(connection: Connection) -> list[str]:
    return [f"case {seq} has no box around its place" for seq in unplaced(connection)]


def _originals(connection: Connection, store: Store) -> list[str]:
    vault, found = Vault(store.evidence_dir), []
    there = original.c.sha256.not_in(select(removed_original.c.sha256))
    for row in connection.execute(select(original).where(there).order_by(original.c.received_at)):
        path = vault.original_path(row.sha256, row.extension)
        if not path.is_file():
            found.append(f"{path} is missing")
        elif path.stat().st_size != row.bytes:
            found.append(f"{path} has {path.stat().st_size} bytes instead of {row.bytes}")
    return found
