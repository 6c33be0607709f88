"""Building a pack: the facts of one moment, their files, the report, the manifest, and what the history keeps of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from dispatch_api.accounts.model import Actor
from dispatch_api.cases.matters import Matters
from dispatch_api.errors import EvidenceError
from dispatch_api.evidence.originals import OPENED, check_may_open
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.pack.contents import Contents, Lang, PackCard
from dispatch_api.evidence.pack.facts import CaseFacts, gather
from dispatch_api.evidence.pack.members import Tick, with_manifest, write_members
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import Store
from dispatch_api.store.checked import CheckedHistory
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import event
from dispatch_api.store.times import iso, utc_now

PACKED = "evidence.packed"


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A pack that was made.

    Attributes:
        path: The file.
        case_id: Its case.
        number: The case's number.
        manifest_sha256: What a notary, a time stamp and the store's history hold of it.
        files: How many.
        originals: SHA-256 of the originals inside.
        bytes: Its size.
        stamped: Whether it has a time stamp.
    """

    path: Path
    case_id: str
    number: str
    manifest_sha256: str
    files: int
    originals: tuple[str, ...]
    bytes: int
    stamped: bool


def build_pack(
    store: Store,
    name: str,
    out: Path,
    *,
    matters: Matters,
    by: Actor,
    why: str = "",
    originals: bool = False,
    cards: Iterable[PackCard] = (),
    lang: Lang = "zh",
    stamp: Callable[[bytes], bytes] | None = None,
    tool: str = "flyonce",
    now: Callable[[], datetime] = utc_now,
    tick: Tick | None = None,
) -> Packed:
    """Make a pack of a case; that it was made, by whom and with which originals, is written into the history first.

    Args:
        store: Where the case is.
        name: The case's id or number.
        out: The new file.
        matters: The city's matters.
        by: Who asks for it.
        why: The reason; with originals there must be one.
        originals: Whether the sealed originals go in.
        cards: Model cards at hand, for findings that came in without theirs.
        lang: The language of the PDF, and the one that the page shows first.
        stamp: Gets a time-stamp response over the manifest; None for no stamp.
        tool: Name and version of what makes it.
        now: The clock.
        tick: Told how many bytes are written.

    Raises:
        NotFound: There is no such case.
        Forbidden: Originals are not for this actor.
        InvalidRequest: Originals were asked for without a reason.
        EvidenceError: A file is missing or is not what it was, or the pack cannot be written there.
        ChainBroken: The store's history was changed: no evidence is made of it.
        StampError: The time stamp cannot be had.
    """
    if originals:
        check_may_open(by, why)
    if out.exists():
        raise EvidenceError(path=out, problem="is there already", remedy="Name a new file, or remove it")
    with store.read() as connection:
        facts = gather(connection, name, matters=matters, history=CheckedHistory(store))
    work = Contents(facts=facts, vault=Vault(store.evidence_dir), cards=tuple(cards), originals=originals)
    at = now()
    about = {**facts.about, "made_at": iso(at), "made_by": by.name, "why": why, "tool": tool, "originals": originals}
    weighed, sealed = work.files(about, matters=matters, lang=lang)
    manifest = with_manifest(about, weighed, sealed)
    digest = hashlib.sha256(manifest)
    token = None if stamp is None else stamp(manifest)
    partial = out.with_name(f"{out.name}.partial")
    try:
        write_members(partial, manifest, weighed, token=token, tick=tick)
        told = standalone.verify(partial)
        inside = work.enclosed()
        data = {
            "manifest_sha256": digest.hexdigest(),
            "files": told.files,
            "originals": inside,
            "stamped": told.stamped,
            "tree": facts.about["history"]["tree"],
        }
        store.write(lambda connection: _note(connection, facts, by=by, at=at, why=why, data=data))
        size = partial.stat().st_size
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return Packed(
        path=out,
        case_id=facts.row.case_id,
        number=facts.row.number,
        manifest_sha256=digest.hexdigest(),
        files=told.files,
        originals=tuple(inside),
        bytes=size,
        stamped=told.stamped,
    )


def is_known(store: Store, told: standalone.Intact) -> bool:
    """Whether the store's history names a pack by the digest of its manifest: then it was made here."""
    made_of = (event.c.kind == PACKED) & (event.c.case_id == told.about["case"]["case_id"])
    with store.read() as connection:
        kept = connection.execute(select(event.c.data).where(made_of)).scalars().all()
    return any(json.loads(data)["manifest_sha256"] == told.manifest_sha256 for data in kept)


def has_same_history(store: Store, told: standalone.Intact) -> bool:
    """Whether the store's history up to where a pack was made is the one of the pack, entry for entry.

    Raises:
        ChainBroken: The store's history is not as it was.
    """
    tree = told.about["history"].get("tree")
    if tree is None:  # made before packs said so
        return True
    with store.read() as connection:
        return CheckedHistory(store).root_at(connection, tree["size"]) == str(tree["root"])


def _note(
    connection: Connection, facts: CaseFacts, *, by: Actor, at: datetime, why: str, data: Mapping[str, Any]
) -> None:
    case_id = facts.row.case_id
    for sha256 in data["originals"]:
        opened = {"sha256": sha256, "how": "pack"}
        append_event(connection, Event(at=at, who=by.name, kind=OPENED, why=why, case_id=case_id, data=opened))
    append_event(connection, Event(at=at, who=by.name, kind=PACKED, why=why, case_id=case_id, data=dict(data)))
