"""`VerdictDesk`: verdicts and near misses out of a store and into it; opening a sealed original leaves a trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dispatch_api.accounts.model import Actor, Role
from dispatch_api.errors import EvidenceError, Forbidden, InvalidRequest
from dispatch_api.evidence.jpeg import without_metadata
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import account
from dispatch_api.store.times import utc_now
from dispatch_api.verdicts.model import KeptNearMiss, NearMiss, Verdict
from dispatch_api.verdicts.records import near_misses_between, replace_near_misses, verdicts_until

MAY_OPEN_ORIGINALS = frozenset({Role.CENTRE})


class VerdictDesk:
    """Where what people said of cases is read, and what waits for a label is kept."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._vault = Vault(store.evidence_dir)
        self._now = now

    def verdicts(self, *, until_at: datetime | None = None) -> tuple[Verdict, ...]:
        """Every person's verdict before a moment that has pictures, in the order of the history."""
        with self._store.read() as connection:
            return tuple(verdicts_until(connection, until_at))

    def near_misses(
        self, *, since_at: datetime | None = None, until_at: datetime | None = None
    ) -> tuple[KeptNearMiss, ...]:
        """Near misses that were recorded from `since_at` on and before `until_at`."""
        with self._store.read() as connection:
            return tuple(near_misses_between(connection, since_at, until_at))

    def keep_near_misses(self, flight_id: str, found: Sequence[NearMiss]) -> int:
        """Keep a flight's near misses in the place of those it had; returns how many."""
        kept = [(one, self._vault.keep_picture(without_metadata(one.picture_jpeg))) for one in found]
        at = self._now()
        self._store.write(lambda connection: replace_near_misses(connection, flight_id, kept, at=at))
        return len(kept)

    def picture(self, sha256: str) -> bytes:
        """A picture made from an original, as it may leave.

        Raises:
            EvidenceError: It is missing from the evidence folder, or is not the file that was kept.
        """
        return _checked(self._vault.picture_path(sha256), sha256)

    def opener(self, name: str) -> Actor:
        """Somebody who may open sealed originals.

        Raises:
            Forbidden: No such account, it is closed, or its role may not.
        """
        with self._store.read() as connection:
            row = connection.execute(select(account).where(account.c.name == name)).first()
        if row is None or row.disabled_at is not None or Role(row.role) not in MAY_OPEN_ORIGINALS:
            allowed = ", ".join(sorted(MAY_OPEN_ORIGINALS))
            raise Forbidden(f"{name!r} may not open sealed originals: name an open account with the role {allowed}.")
        return Actor(name=row.name, role=Role(row.role))

    def open_original(self, sha256: str, extension: str, *, by: Actor, reason: str) -> Path:
        """Where a sealed original lies, checked; who opened it and why is in the history before the file is read.

        Raises:
            InvalidRequest: No reason is given.
            EvidenceError: The original is missing, or is not the file that was sealed.
        """
        if not reason.strip():
            raise InvalidRequest(field="reason", problem="opening a sealed original needs one")
        self._note(by.name, "original.opened", why=reason.strip(), data={"original_sha256": sha256})
        path = self._vault.original_path(sha256, extension)
        _checked(path, sha256)
        return path

    def note_export(self, *, by: str, why: str, data: Mapping[str, Any]) -> None:
        """Note in the history that a data set left, and what was in it."""
        self._note(by, "dataset.exported", why=why, data=data)

    def _note(self, who: str, kind: str, *, why: str, data: Mapping[str, Any]) -> None:
        happened = Event(at=self._now(), who=who, kind=kind, why=why, data=dict(data))
        self._store.write(lambda connection: append_event(connection, happened))


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            path=path, problem=f"cannot be read ({error.strerror})", remedy="Restore it from a backup"
        ) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise EvidenceError(
            path=path, problem="is not the file that was kept: it was changed", remedy="Restore it from a backup"
        )
    return content
