"""`SightingDesk`: sightings go into intake once, whatever becomes of the answer on its way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from pydantic import ValidationError
from sqlalchemy import Connection

from dispatch_api.accounts.keys import REFUSED, KeyDesk
from dispatch_api.accounts.model import Account
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import Matters
from dispatch_api.cases.observation import Observation, Recorded
from dispatch_api.cases.opening import surest
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.doors.idempotency import (
    MAX_KEY_LENGTH,
    Answer,
    answers_before,
    digest_of,
    forget_answers,
    keep_answers,
)
from dispatch_api.doors.sighting import Sighting, sighting_id
from dispatch_api.errors import AnsweredBefore, DispatchError, InvalidRequest, NotLoggedIn, http_face
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now
from dispatch_api.store.waiting import InLoop
from dispatch_api.zones_at import ZonesAt
from geo.position import Fix

ANSWERS_KEPT_FOR = timedelta(days=30)
"""How long a key gets the same answer; after that its sighting brings its own observation up to date."""

_FORGET_EVERY = timedelta(hours=1)
_CREATED = 201
_STREETS = ("street", "road", "permanent_water")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One sighting under its idempotency key; `error` where it cannot even be read."""

    key: str
    sighting: Sighting | None = None
    error: DispatchError | None = None

    @classmethod
    def of_json(cls, raw: Mapping[str, Any], *, place: str) -> Self:
        """One of a batch: a sighting with its `key`; `place` names it in errors."""
        key = raw.get("key")
        if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
            problem = f"write 1 to {MAX_KEY_LENGTH} printable ASCII characters"
            return cls(key="", error=InvalidRequest(field=f"{place}.key", problem=problem))
        try:
            rest = {name: value for name, value in raw.items() if name != "key"}
            return cls(key=key, sighting=Sighting.model_validate(rest))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join([place, *map(str, first["loc"])])
            return cls(key=key, error=InvalidRequest(field=field, problem=first["msg"]))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one sighting: an answer, given now or before, or the error that kept it out."""

    key: str
    told: Mapping[str, Any] | None = None
    replayed: bool = False
    error: DispatchError | None = None

    def as_item(self) -> dict[str, Any]:
        """The outcome as one item of a batch's answer."""
        if self.error is None:
            return {"key": self.key, "status": _CREATED, **(self.told or {})}
        status, slug, title = http_face(self.error)
        problem = {"type": f"urn:flyonce:problem:{slug}", "title": title, "detail": str(self.error)}
        if isinstance(self.error, InvalidRequest):
            problem["field"] = self.error.field
        return {"key": self.key, "status": status, "problem": problem}


class _Handed(NamedTuple):
    """What one request hands in."""

    account: Account
    asked: Sequence[Asked]


class _Ready(NamedTuple):
    """A sighting that can be taken, under the name of its owner and key."""

    owner: str
    key: str
    digest: str
    seen: Observation


_Prepared = _Ready | DispatchError


class SightingDesk:
    """Where machines hand in sightings."""

    def __init__(
        self,
        store: Store,
        matters: Matters,
        intake: Intake,
        zones_at: ZonesAt,
        keys: KeyDesk,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._matters = matters
        self._intake = intake
        self._zones_at = zones_at
        self._keys = keys
        self._now = now
        self._forget_at = now()
        self._keys_of_codes = {matter.code: key for key, matter in matters.by_key.items()}

    def record(self, account: Account, asked: Sequence[Asked]) -> list[Outcome]:
        """Record sightings in one commit, in their order; on return they are on disk.

        Returns:
            One outcome for each, in their order. An error of one does not keep the others out.

        Raises:
            ConfigurationError: A zone that the store keeps cannot be used.
            StoreError: The store took none of them.
        """
        return self._store.submit_one_of(self._take_all, _Handed(account, asked)).result()

    def hand_in(self, account: Account, asked: Sequence[Asked]) -> InLoop[list[Outcome]]:
        """For a coroutine: what `record` returns or raises comes, when it is awaited, once they are on disk.

        What many requests hand in meanwhile is recorded together: the more come at once, the less each costs.
        """
        return self._store.await_one_of(self._take_all, _Handed(account, asked))

    def _take_all(self, connection: Connection, handed: Sequence[_Handed]) -> list[list[Outcome]]:
        prepared = self._prepared(connection, handed)
        outcomes = iter(self._take(connection, prepared))
        at = self._now()
        if at >= self._forget_at:
            forget_answers(connection, before=at - ANSWERS_KEPT_FOR)
            self._forget_at = at + _FORGET_EVERY
        return [[Outcome(key=one.key, **next(outcomes)) for one in request.asked] for request in handed]

    def _prepared(self, connection: Connection, handed: Sequence[_Handed]) -> list[_Prepared]:
        """What can be taken, and what speaks against the rest, in their order."""
        now = self._now()
        holding = self._keys.holding(connection, {request.account.account_id for request in handed})
        checked: list[tuple[str, str, Sighting, datetime, str] | DispatchError] = []
        for request in handed:
            holds = request.account.account_id in holding
            for one in request.asked:
                try:
                    checked.append((request.account.name, one.key, *self._checked(one, now, holds=holds)))
                except DispatchError as error:
                    checked.append(error)
        zones = iter(self._zones(connection, [(one[2], one[3]) for one in checked if isinstance(one, tuple)]))
        return [self._ready(*one, next(zones)) if isinstance(one, tuple) else one for one in checked]

    def _checked(self, one: Asked, now: datetime, *, holds: bool) -> tuple[Sighting, datetime, str]:
        if not holds:
            raise NotLoggedIn(REFUSED)
        if one.sighting is None:
            raise one.error or InvalidRequest(field="sighting", problem="it is missing")
        matter = self._keys_of_codes.get(one.sighting.matter, one.sighting.matter)
        return one.sighting, one.sighting.checked(now), self._matters[matter].key

    def _zones(self, connection: Connection, seen: Sequence[tuple[Sighting, datetime]]) -> list[tuple[ZoneFact, ...]]:
        calendar = self._matters.calendar
        places = [(_fix(sighting), calendar.local_date(at)) for sighting, at in seen]
        found = self._zones_at.many(places, connection=connection)
        return [_with_given(sighting, under) for (sighting, _), under in zip(seen, found, strict=True)]

    def _ready(
        self, owner: str, key: str, sighting: Sighting, at: datetime, matter: str, zones: tuple[ZoneFact, ...]
    ) -> _Ready:
        name = sighting_id(owner, key)
        seen = sighting.observation(name, matter=matter, seen_at=at, zones=zones, address=_address(zones))
        return _Ready(owner, key, digest_of(sighting.model_dump(mode="json")), seen)

    def _take(self, connection: Connection, prepared: Sequence[_Prepared]) -> Iterator[dict[str, Any]]:
        """The outcome of each, but for its key."""
        ready = [one for one in prepared if isinstance(one, _Ready)]
        answers = answers_before(connection, [(one.owner, one.key) for one in ready])
        # Of two with the same key the first one counts.
        first = {(one.owner, one.key): one for one in reversed(ready) if (one.owner, one.key) not in answers}
        fresh = [one for one in ready if first.get((one.owner, one.key)) is one]
        recorded = self._intake.take_all(connection, [one.seen for one in fresh])
        new = {(one.owner, one.key): _answer(one, of_one) for one, of_one in zip(fresh, recorded, strict=True)}
        keep_answers(connection, new, at=self._now())
        answers |= new
        for given in prepared:
            if isinstance(given, DispatchError):
                yield {"error": given}
                continue
            answer = answers[given.owner, given.key]
            if answer.request_sha256 != given.digest:
                yield {"error": AnsweredBefore(key=given.key)}
            else:
                yield {"told": answer.body, "replayed": first.get((given.owner, given.key)) is not given}


def _answer(one: _Ready, recorded: Recorded) -> Answer:
    joined = recorded.case_id is not None and not recorded.opened
    body = {"sighting_id": one.seen.key, "case_id": recorded.case_id, "joined": joined}
    return Answer(request_sha256=one.digest, status=_CREATED, body=body)


def _fix(sighting: Sighting) -> Fix:
    (ee, en), (_, nn) = sighting.covariance_m2
    return Fix(
        lon=sighting.lon,
        lat=sighting.lat,
        alt_m=0.0,
        covariance_m2=((ee, en), (en, nn)),
        height_source="sender",
        yaw_source="sender",
    )


def _with_given(sighting: Sighting, found: tuple[ZoneFact, ...]) -> tuple[ZoneFact, ...]:
    given = sighting.zone
    # What the city's own zones say of that very zone is computed from the error, so it counts before the sender's word.
    if given is None or any((zone.kind, zone.code) == (given.kind, given.code) for zone in found):
        return found
    return (*found, given.fact())


def _address(zones: Sequence[ZoneFact]) -> str | None:
    """The grid and the likeliest street, road or water, as people write it."""
    street = next((zone for zone in zones if zone.kind in _STREETS), None)
    named = [zone.name for zone in (surest(zones, "grid"), street) if zone is not None and zone.name]
    return " ".join(named) or None
