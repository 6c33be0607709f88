"""Opening a sealed original: for few, with a reason, and never without an entry in the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Actor, Role
from dispatch_api.errors import EvidenceGone, Forbidden, InvalidRequest, NotFound
from dispatch_api.evidence.pack.members import Member, weigh
from dispatch_api.evidence.proofs import case_of_proof
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import evidence, original, removed_original
from dispatch_api.store.times import utc_now

OPENED = "evidence.opened"
OPENS_ORIGINALS = frozenset({Role.CENTRE, Role.AUDITOR})
"""Roles that may see an original; whoever works for a department sees redacted copies only."""

_LEAST_REASON = 4


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An original that somebody may read now.

    Attributes:
        path: Where it lies; read, never written.
        sha256: Of its bytes, compared just now.
        file_name: As the camera called it.
        case_id: The case in whose history the opening stands.
    """

    path: Path
    sha256: str
    file_name: str
    case_id: str


def check_may_open(by: Actor, why: str) -> None:
    """Refuse whoever may not open originals, or says no reason.

    Raises:
        Forbidden: The role may not.
        InvalidRequest: There is no reason.
    """
    if by.role not in OPENS_ORIGINALS:
        raise Forbidden("an original is opened by the centre or by an auditor; everybody else has the redacted copy.")
    if len(why.strip()) < _LEAST_REASON:
        raise InvalidRequest(field="reason", problem="opening an original needs one, and it is kept")


def open_original(store: Store, sha256: str, *, by: Actor, why: str, now: Callable[[], datetime] = utc_now) -> Opened:
    """Let somebody read an original. Who, when, why and which is in the history before the first byte is given.

    Raises:
        Forbidden: The role may not.
        InvalidRequest: There is no reason.
        NotFound: There is no such original.
        EvidenceGone: It was removed after its retention.
        EvidenceError: It is missing, or is not what it was.
    """
    check_may_open(by, why)
    with store.read() as connection:
        row = connection.execute(
            select(original, evidence.c.case_id, removed_original.c.at.label("removed_at"))
            .join(evidence, evidence.c.original_sha256 == original.c.sha256)
            .outerjoin(removed_original, removed_original.c.sha256 == original.c.sha256)
            .where(original.c.sha256 == sha256)
            .order_by(evidence.c.evidence_id)
        ).first()
        case_id = case_of_proof(connection, sha256) if row is None else row.case_id
        if row is None and case_id is not None:
            row = connection.execute(
                select(original, removed_original.c.at.label("removed_at"))
                .outerjoin(removed_original, removed_original.c.sha256 == original.c.sha256)
                .where(original.c.sha256 == sha256)
            ).first()
    if row is None or case_id is None:
        raise NotFound(kind="original", key=sha256)
    path = Vault(store.evidence_dir).original_path(row.sha256, row.extension)
    if row.removed_at is not None:
        raise EvidenceGone(
            path=f"original {sha256}",
            problem=f"it was removed on {row.removed_at:%Y-%m-%d}, after its retention",
            remedy="The redacted copies are kept",
        )
    weigh(Member(name="original", content=path, wanted_sha256=sha256))
    happened = Event(
        at=now(), who=by.name, kind=OPENED, why=why.strip(), case_id=case_id, data={"sha256": sha256, "how": "file"}
    )

    def note(connection: Connection) -> int:
        return append_event(connection, happened)

    store.write(note)
    return Opened(path=path, sha256=sha256, file_name=row.file_name, case_id=case_id)
