"""Merkle trees over hashes, as in RFC 6962: one root stands for all, and a few hashes prove that one is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_of(entry_hash: str) -> str:
    """The leaf for an entry's hash (hexadecimal)."""
    return hashlib.sha256(b"\0" + bytes.fromhex(entry_hash)).hexdigest()


def node_of(left: str, right: str) -> str:
    """The node above two."""
    return hashlib.sha256(b"\1" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()


def root_of(hashes: Sequence[str], *, leaves: bool = True) -> str:
    """The root over some hashes; of nothing it is the hash of nothing.

    Args:
        hashes: Of entries, or with `leaves=False` roots of trees of one size, of which the last may be smaller.
        leaves: Whether these are entries.
    """
    row = [leaf_of(one) for one in hashes] if leaves else list(hashes)
    if not row:
        return hashlib.sha256(b"").hexdigest()
    while len(row) > 1:
        row = _above(row)
    return row[0]


def path_of(hashes: Sequence[str], place: int, *, leaves: bool = True) -> list[str]:
    """The hashes beside the way from one of them to the root, the nearest first."""
    row = [leaf_of(one) for one in hashes] if leaves else list(hashes)
    path = []
    while len(row) > 1:
        if place ^ 1 < len(row):
            path.append(row[place ^ 1])
        row, place = _above(row), place // 2
    return path


def _above(row: Sequence[str]) -> list[str]:
    pairs = [node_of(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
    return pairs + ([row[-1]] if len(row) % 2 else [])
