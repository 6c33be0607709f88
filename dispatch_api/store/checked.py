"""What of the history was checked already: kept beside the store, so that a pack need not walk all of it again.

The history is cut into blocks of `BLOCK` entries. Of each whole block that was walked, the hash of its last entry is
kept, and the root of a Merkle tree over the hashes of its entries (RFC 6962: a leaf is hashed with a zero before it, a
node with a one). What comes later walks only the entries after the last block, and those blocks that it needs; that
the history still has the kept hashes at the ends of all other blocks is compared each time. So a history that somebody
wrote anew from some entry on, all hashes included, is found out, which walking alone cannot.

What it does not see: an entry changed in a block that is not asked for, its hash left as it was. `flyonce db verify`
walks everything, and so finds it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from dispatch_api.errors import ChainBroken
from dispatch_api.store.history import GENESIS_HASH, check_entry
from dispatch_api.store.merkle import path_of, root_of
from dispatch_api.store.schema import event
from dispatch_api.store.store import Store

BLOCK = 1024
"""A power of two: then the roots of whole blocks are nodes of the tree over all entries."""

_FILE = "history-checked.json"
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Block:
    """A whole block that was walked: the hash of its last entry, and the root over its entries' hashes."""

    last_hash: str
    root: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A history that was checked now, in part or in whole.

    Attributes:
        entries: How many it has.
        head: Hash of the last one.
        walked: How many were walked now, contents and links.
        root: Root of the Merkle tree over the hashes of all.
        paths: Of each entry that was asked for, by number, the hashes that lead from it to the root.
    """

    entries: int
    head: str
    walked: int
    root: str
    paths: dict[int, list[str]]


class CheckedHistory:
    """Checks a store's history, and keeps what it checked in a file beside the evidence."""

    def __init__(self, store: Store) -> None:
        """Keep the file beside the store's evidence, or read the one there."""
        folder = store.evidence_dir
        self._path = folder.with_name(f"{folder.name}-{_FILE}")

    def check(self, connection: Connection, wanted: Iterable[int] = ()) -> Checked:
        """Check the history: what is new, the blocks of the entries that are wanted, and the ends of all others.

        Args:
            connection: Sees one moment of the store.
            wanted: Numbers of the entries that must be walked now, whatever was walked before.

        Raises:
            ChainBroken: Names the first entry found that is not as it was.
        """
        blocks = self._read()
        seqs = sorted(set(wanted))
        _compare_ends(connection, blocks, self._path)
        asked = {(seq - 1) // BLOCK for seq in seqs}
        walked = {number: self._again(connection, blocks, number) for number in sorted(asked) if number < len(blocks)}
        known, count = len(blocks), sum(map(len, walked.values()))
        while True:
            number = len(blocks)
            hashes = _walk(connection, number, blocks[-1].last_hash if blocks else GENESIS_HASH)
            count += len(hashes)
            if number in asked:
                walked[number] = hashes
            if len(hashes) < BLOCK:
                break
            blocks.append(Block(last_hash=hashes[-1], root=root_of(hashes)))
        if len(blocks) > known:
            self._write(blocks)
        tops = [*(block.root for block in blocks), *([root_of(hashes)] if hashes else [])]
        return Checked(
            entries=len(blocks) * BLOCK + len(hashes),
            head=hashes[-1] if hashes else blocks[-1].last_hash if blocks else GENESIS_HASH,
            walked=count,
            root=root_of(tops, leaves=False),
            paths={seq: _path(seq, walked, tops) for seq in seqs},
        )

    def root_at(self, connection: Connection, entries: int) -> str | None:
        """The root over the first so many entries, as they stand now; None where there are fewer.

        Raises:
            ChainBroken: The history is not as it was.
        """
        if self.check(connection).entries < entries:
            return None
        whole, rest = divmod(entries, BLOCK)
        first = whole * BLOCK + 1
        query = select(event.c.hash).where(event.c.seq.between(first, entries)).order_by(event.c.seq)
        tail = list(connection.execute(query).scalars()) if rest else []
        tops = [block.root for block in self._read()[:whole]]
        return root_of([*tops, *([root_of(tail)] if tail else [])], leaves=False)

    def _again(self, connection: Connection, blocks: Sequence[Block], number: int) -> list[str]:
        """Walk a block that was walked before."""
        hashes = _walk(connection, number, blocks[number - 1].last_hash if number else GENESIS_HASH)
        if root_of(hashes) != blocks[number].root:
            problem = f"one of the {BLOCK} entries up to it is another one since {self._path} was written"
            raise ChainBroken(seq=(number + 1) * BLOCK, problem=problem)
        return hashes

    def _read(self) -> list[Block]:
        try:
            raw = json.loads(self._path.read_text(encoding="ascii"))
            return [Block(last_hash=last_hash, root=root) for last_hash, root in raw["blocks"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []  # nothing is known to be checked, so everything is

    def _write(self, blocks: Sequence[Block]) -> None:
        text = json.dumps({"block": BLOCK, "blocks": [[one.last_hash, one.root] for one in blocks]})
        # Who cannot keep it walks again next time.
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".new-")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
            Path(name).replace(self._path)


def _walk(connection: Connection, number: int, previous: str) -> list[str]:
    """The hashes of one block's entries, all of which follow each other and hash to what they say."""
    first = number * BLOCK + 1
    query = select(event).where(event.c.seq.between(first, first + BLOCK - 1)).order_by(event.c.seq)
    hashes: list[str] = []
    for row in connection.execute(query):
        check_entry(row, previous, first + len(hashes))
        previous = row.hash
        hashes.append(row.hash)
    return hashes


def _compare_ends(connection: Connection, blocks: Sequence[Block], path: Path) -> None:
    for start in range(0, len(blocks), _AT_ONCE):
        some = {
            (start + number + 1) * BLOCK: one.last_hash for number, one in enumerate(blocks[start : start + _AT_ONCE])
        }
        query = select(event.c.seq, event.c.hash).where(event.c.seq.in_(some))
        found = {row.seq: row.hash for row in connection.execute(query)}
        for seq, last_hash in some.items():
            if found.get(seq) != last_hash:
                problem = "it is missing" if seq not in found else "it is another one"
                raise ChainBroken(
                    seq=seq,
                    problem=f"{problem} since it was checked last (after restoring a backup, remove {path})",
                )


def _path(seq: int, walked: dict[int, list[str]], tops: Sequence[str]) -> list[str]:
    number, place = divmod(seq - 1, BLOCK)
    return [*path_of(walked[number], place), *path_of(tops, number, leaves=False)]
