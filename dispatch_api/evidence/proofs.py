"""Pictures that prove a place clean: they are of no observation, so what names them is the case's history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from sqlalchemy import Connection, Row, Select, select

from dispatch_api.cases.looked_again import KIND
from dispatch_api.store.schema import event

_DERIVED = ("annotated_sha256", "full_sha256", "thumbnail_sha256")
_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class CleanLook:
    """A flight that looked at a case's place and found nothing there.

    Attributes:
        case_id: The case.
        seq: Number of the entry of the history that says so.
        flight_id: The flight.
        looks: How often it surely showed all of the place.
        resolution_m: Metres of ground per pixel.
        first_at: The first look, as the entry writes it.
        last_at: The last one.
        picture: SHA-256 of the original and of what was made of it, by kind; None where none was kept.
    """

    case_id: str
    seq: int
    flight_id: str
    looks: int
    resolution_m: float
    first_at: str
    last_at: str
    picture: Mapping[str, str] | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """What an entry of the history tells."""
        told = json.loads(row.data)
        names = ("flight_id", "looks", "resolution_m", "first_at", "last_at")
        return cls(
            case_id=row.case_id, seq=row.seq, picture=told.get("picture"), **{name: told[name] for name in names}
        )


@dataclass(frozen=True, kw_only=True)
class Proofs:
    """Which files the clean looks of all cases name.

    Attributes:
        owners: The cases of each original.
        pictures: SHA-256 of all that was made of them.
        read_to: The last entry of the history that was read.
    """

    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pictures: frozenset[str] = frozenset()
    read_to: int = 0

    def brought_up_to_date(self, connection: Connection) -> Self:
        """The same with what was written since; the history is not indexed by kind, so the first time reads it all."""
        owners = {sha256: set(cases) for sha256, cases in self.owners.items()}
        pictures = set(self.pictures)
        for look in _looks(connection, _LOOKS.where(event.c.seq > self.read_to)):
            if look.picture is not None:
                owners.setdefault(look.picture["original_sha256"], set()).add(look.case_id)
                pictures |= {look.picture[name] for name in _DERIVED}
        last = connection.execute(select(event.c.seq).order_by(event.c.seq.desc()).limit(1)).scalar()
        return type(self)(
            owners={sha256: frozenset(cases) for sha256, cases in owners.items()},
            pictures=frozenset(pictures),
            read_to=last or 0,
        )

    def of(self, originals: Iterable[str]) -> dict[str, frozenset[str]]:
        """The cases of some originals."""
        return {sha256: self.owners[sha256] for sha256 in originals if sha256 in self.owners}


_LOOKS = select(event.c.seq, event.c.case_id, event.c.data).where(event.c.kind == KIND).order_by(event.c.seq)


def clean_looks_of(connection: Connection, case_ids: Sequence[str]) -> list[CleanLook]:
    """The clean looks at some cases, the first one first."""
    return list(_looks(connection, _LOOKS.where(event.c.case_id.in_(case_ids))))


def case_of_proof(connection: Connection, original_sha256: str) -> str | None:
    """The case that an original proves clean; None where it proves nothing. Reads all of the history."""
    naming = _LOOKS.where(event.c.data.contains(original_sha256, autoescape=True))
    for look in _looks(connection, naming):
        if look.picture is not None and look.picture["original_sha256"] == original_sha256:
            return look.case_id
    return None


def _looks(connection: Connection, query: Select[Any]) -> Iterator[CleanLook]:
    with connection.execute(query, execution_options={"yield_per": _AT_ONCE}) as found:
        for row in found:
            yield CleanLook.of(row)
