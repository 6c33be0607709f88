"""A quota for the evidence folder: first goes what belongs to no case, then old originals of ended ones.

Evidence of an open case is never touched, nor that of a case on hold, of one handed over as a clue, of one that was
merged into such a case or that such a case is the recurrence of. Redacted copies are always kept, and so are the cards
of models. What proves the place of a case clean is evidence of that case as well, though no observation has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.model import ENDED_STATES
from dispatch_api.evidence.proofs import Proofs
from dispatch_api.evidence.vault import CARDS, Vault
from dispatch_api.store import Store
from dispatch_api.store.feed import append_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import case, evidence, near_miss, original, removed_original
from dispatch_api.store.times import utc_now

REMOVED, OVER_QUOTA = "evidence.removed", "evidence.over_quota"
RETENTION = timedelta(days=1095)
"""Originals of an ended case are kept at least so long."""

_SETTLED_S = 86_400.0
"""A file that no row names may be one that is just coming in; after a day it is a leftover."""

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A file that may go.

    Attributes:
        kind: `leftover` (no row names it), `near_miss` (a cut-out of no case), `original` (of ended cases only).
        path: Where it lies.
        bytes: Its size.
        sha256: Of its bytes; empty for a leftover.
        case_ids: The cases that it belongs to.
    """

    kind: Literal["leftover", "near_miss", "original"]
    path: Path
    bytes: int
    sha256: str = ""
    case_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What was removed, or would be.

    Attributes:
        before_bytes: Size of the evidence folder.
        after_bytes: And after it.
        keep_bytes: The quota.
        pieces: What goes, in this order.
        dry_run: Whether it only would.
    """

    before_bytes: int
    after_bytes: int
    keep_bytes: int
    pieces: tuple[Piece, ...]
    dry_run: bool

    @property
    def fits(self) -> bool:
        """Whether the folder is under its quota now."""
        return self.after_bytes <= self.keep_bytes


def sweep(
    store: Store,
    *,
    keep_bytes: int,
    by: Actor,
    retention: timedelta = RETENTION,
    dry_run: bool = False,
    now: Callable[[], datetime] = utc_now,
) -> Swept:
    """Bring the evidence folder under its quota, as far as may be; every removal is in the history before it is done.

    Args:
        store: The store.
        keep_bytes: So much may stay.
        by: Who asks for it.
        retention: How long after its end a case's originals are kept at least.
        dry_run: Change nothing, only tell.
        now: The clock.

    Returns:
        What went. Where that was not enough, the history and the watchers were told of it.
    """
    at = now()
    folder = store.evidence_dir
    before = sum(path.stat().st_size for path in _files(folder))
    pieces: list[Piece] = []
    size = before
    with store.read() as connection:
        proofs = Proofs().brought_up_to_date(connection)
        with closing(_may_go(connection, Vault(folder), proofs, at - retention)) as offered:
            for piece in offered:
                if size <= keep_bytes:
                    break
                pieces.append(piece)
                size -= piece.bytes
    if not dry_run:
        pieces = _remove(store, pieces, proofs, by=by, at=at, cutoff=at - retention)
        size = before - sum(piece.bytes for piece in pieces)
    swept = Swept(before_bytes=before, after_bytes=size, keep_bytes=keep_bytes, pieces=tuple(pieces), dry_run=dry_run)
    if not swept.fits and not dry_run:
        store.write(lambda connection: _alarm(connection, swept, by=by, at=at))
    return swept


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _may_go(connection: Connection, vault: Vault, proofs: Proofs, cutoff: datetime) -> Generator[Piece, None, None]:
    yield from _leftovers(connection, vault.folder, proofs)
    yield from _near_misses(connection, vault, proofs)
    yield from _originals(connection, vault, proofs, cutoff)


def _leftovers(connection: Connection, folder: Path, proofs: Proofs) -> Iterator[Piece]:
    """Files that no row names: broken off in writing, replaced by better copies, or of originals that are gone."""
    columns = (evidence.c.annotated_sha256, evidence.c.full_sha256, evidence.c.thumbnail_sha256)
    named = {sha256 for column in columns for sha256 in connection.execute(select(column)).scalars()}
    named |= proofs.pictures
    named |= set(connection.execute(select(near_miss.c.picture_sha256)).scalars())
    gone = select(removed_original.c.sha256)
    named |= set(connection.execute(select(original.c.sha256).where(original.c.sha256.not_in(gone))).scalars())
    settled = time.time() - _SETTLED_S
    for path in _files(folder):
        told = path.stat()
        if path.is_relative_to(folder / CARDS):
            continue
        if path.stem not in named and told.st_mtime < settled:
            yield Piece(kind="leftover", path=path, bytes=told.st_size)


def _near_misses(connection: Connection, vault: Vault, proofs: Proofs) -> Iterator[Piece]:
    in_cases = select(evidence.c.annotated_sha256).union(
        select(evidence.c.full_sha256), select(evidence.c.thumbnail_sha256)
    )
    query = (
        select(near_miss.c.picture_sha256)
        .where(near_miss.c.picture_sha256.not_in(in_cases))
        .order_by(near_miss.c.recorded_at, near_miss.c.near_miss_id)
    )
    for sha256 in dict.fromkeys(connection.execute(query).scalars()):
        path = vault.folder / "pictures" / sha256[:2] / f"{sha256}.jpg"
        if path.is_file() and sha256 not in proofs.pictures:
            yield Piece(kind="near_miss", path=path, bytes=path.stat().st_size, sha256=sha256)


def _originals(connection: Connection, vault: Vault, proofs: Proofs, cutoff: datetime) -> Iterator[Piece]:
    """Originals all of whose cases are over, those that came in first."""
    gone = select(removed_original.c.sha256)
    query = select(original.c.sha256, original.c.extension).where(original.c.sha256.not_in(gone))
    ordered = query.order_by(original.c.received_at, original.c.sha256)
    with connection.execute(ordered, execution_options={"yield_per": _AT_ONCE}) as found:
        for rows in found.partitions():
            owners = _owners(connection, [row.sha256 for row in rows], proofs)
            kept = kept_among(connection, {one for cases in owners.values() for one in cases}, cutoff)
            for row in rows:
                cases = owners.get(row.sha256, ())
                path = vault.original_path(row.sha256, row.extension)
                if cases and kept.isdisjoint(cases) and path.is_file():
                    size = path.stat().st_size
                    yield Piece(kind="original", path=path, bytes=size, sha256=row.sha256, case_ids=tuple(cases))


def _owners(connection: Connection, originals: Sequence[str], proofs: Proofs) -> dict[str, list[str]]:
    """The cases of each original."""
    columns = (evidence.c.original_sha256, evidence.c.case_id)
    query = select(*columns).where(evidence.c.original_sha256.in_(originals)).distinct().order_by(*columns)
    found: dict[str, list[str]] = {}
    for sha256, case_id in connection.execute(query):
        found.setdefault(sha256, []).append(case_id)
    for sha256, cases in proofs.of(originals).items():
        found[sha256] = sorted({*found.get(sha256, ()), *cases})
    return found


def kept_among(connection: Connection, case_ids: Iterable[str], cutoff: datetime) -> set[str]:
    """Which of these cases keep their originals: open, on hold, handed over, ended after `cutoff`, or tied to such one.

    A case is tied to the one that it was merged into, and to one that is its recurrence; also through others.
    """
    rows: dict[str, Any] = {}
    asked: set[str] = set()
    waiting = set(case_ids)
    while waiting:
        some = sorted(waiting)[:_AT_ONCE]
        waiting -= set(some)
        asked |= set(some)
        here = case.c.case_id.in_(some) | case.c.recurrence_of.in_(some)
        for row in connection.execute(select(*_LIFE).where(here)).all():
            rows[row.case_id] = row
            waiting |= {one for one in (row.case_id, row.duplicate_of) if one is not None} - asked
    kept = {row.case_id for row in rows.values() if _is_kept(row, cutoff)}
    ties = [(row.case_id, row.duplicate_of) for row in rows.values() if row.duplicate_of is not None]
    ties += [(row.recurrence_of, row.case_id) for row in rows.values() if row.recurrence_of is not None]
    while more := {of for of, to in ties if to in kept} - kept:
        kept |= more
    return kept


_LIFE = (
    *(case.c.case_id, case.c.state, case.c.ended_at, case.c.hold, case.c.handed_over_at),
    *(case.c.duplicate_of, case.c.recurrence_of),
)
_ENDED = frozenset(state.value for state in ENDED_STATES)


def _is_kept(row: Any, cutoff: datetime) -> bool:  # noqa: ANN401 - a row
    held = row.hold or row.handed_over_at is not None
    return held or row.state not in _ENDED or row.ended_at is None or row.ended_at > cutoff


def _remove(
    store: Store, pieces: Sequence[Piece], proofs: Proofs, *, by: Actor, at: datetime, cutoff: datetime
) -> list[Piece]:
    done: list[Piece] = []
    for start in range(0, len(pieces), _AT_ONCE):
        some = pieces[start : start + _AT_ONCE]
        noted = store.write(partial(_note, pieces=some, proofs=proofs, by=by, at=at, cutoff=cutoff))
        # In a transaction of its own: what came in again meanwhile is no longer noted as removed, and stays.
        store.write(partial(_unlink, pieces=noted))
        done += noted
    return done


def _note(
    connection: Connection, pieces: Sequence[Piece], proofs: Proofs, *, by: Actor, at: datetime, cutoff: datetime
) -> list[Piece]:
    """Write down what goes; a case that was held or seen again since it was looked at keeps its originals."""
    named = [piece.sha256 for piece in pieces if piece.kind == "original"]
    owners = _owners(connection, named, proofs.brought_up_to_date(connection))
    kept = kept_among(connection, {one for cases in owners.values() for one in cases}, cutoff)
    going = [piece for piece in pieces if kept.isdisjoint(owners.get(piece.sha256, ()))]
    originals = [piece for piece in going if piece.kind == "original"]
    if originals:
        connection.execute(insert(removed_original), [{"sha256": piece.sha256, "at": at} for piece in originals])
    misses = [piece.sha256 for piece in going if piece.kind == "near_miss"]
    connection.execute(delete(near_miss).where(near_miss.c.picture_sha256.in_(misses)))
    for case_id in sorted({case_id for piece in originals for case_id in piece.case_ids}):
        data = {"originals": [piece.sha256 for piece in originals if case_id in piece.case_ids]}
        append_event(connection, _event(by, at, "the quota, after the retention", data, case_id))
    if going:
        counts = {kind: sum(piece.kind == kind for piece in going) for kind in ("leftover", "near_miss", "original")}
        told: dict[str, Any] = {**counts, "bytes": sum(piece.bytes for piece in going), "near_misses": misses}
        append_event(connection, _event(by, at, "the quota", told, None))
    return going


def _event(by: Actor, at: datetime, why: str, data: Mapping[str, Any], case_id: str | None) -> Event:
    return Event(at=at, who=by.name, kind=REMOVED, why=why, case_id=case_id, data=dict(data))


def _unlink(connection: Connection, pieces: Sequence[Piece]) -> None:
    named = [piece.sha256 for piece in pieces if piece.kind == "original"]
    query = select(removed_original.c.sha256).where(removed_original.c.sha256.in_(named))
    still = set(connection.execute(query).scalars())
    for piece in pieces:
        if piece.kind != "original" or piece.sha256 in still:
            piece.path.unlink(missing_ok=True)


def _alarm(connection: Connection, swept: Swept, *, by: Actor, at: datetime) -> None:
    data = {"bytes": swept.after_bytes, "keep_bytes": swept.keep_bytes}
    why = "all that is left belongs to cases that are open, held, handed over, or within their retention"
    append_event(connection, Event(at=at, who=by.name, kind=OVER_QUOTA, why=why, data=data))
    append_feed(connection, kind=OVER_QUOTA, at=at, departments=(), data=data)
