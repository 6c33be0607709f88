"""`KeyDesk`: keys of machines, kept as hashes, shown once."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from dispatch_api.accounts.model import Account, Actor, Role, Scope
from dispatch_api.departments.model import Departments
from dispatch_api.errors import InvalidRequest, KeyExists, NotFound, NotLoggedIn, StoreClosed
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import api_key
from dispatch_api.store.times import utc_now
from dispatch_api.store.types import UtcTime

PIPELINE_SCOPES = (Scope.SIGHTINGS_WRITE, Scope.CASES_READ, Scope.FEATURES_READ)
"""What a key opens where nobody says otherwise."""

REFUSED = "the key is unknown, revoked or expired."
_PREFIX = "flyonce_"
# Whoever looks for forgotten keys asks for days; a write for each request would double what a sighting costs.
_NOTE_USE_EVERY = timedelta(minutes=5)
_MOST_HELD = 10_000
_HOLDING = select(api_key.c.key_id).where(
    api_key.c.key_id.in_(bindparam("of_keys", expanding=True)),
    api_key.c.revoked_at.is_(None),
    api_key.c.expires_at.is_(None) | (api_key.c.expires_at > bindparam("of_now", type_=UtcTime)),
)
_BY_HASH = select(api_key).where(api_key.c.key_hash == bindparam("of_hash"))


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key without its secret.

    Attributes:
        key_id: Its number.
        name: Its name in the history.
        role: `pipeline`.
        department: The department to which it is kept, None for the whole city.
        scopes: What it opens.
        created_at: When it was made.
        created_by: Who made it.
        expires_at: When it stops by itself, None for never.
        revoked_at: When somebody stopped it.
        last_used_at: When it was used last, to some minutes.
    """

    key_id: int
    name: str
    role: Role
    department: str | None
    scopes: tuple[Scope, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class KeyDesk:
    """Makes, lists, checks and revokes keys."""

    def __init__(
        self, store: Store, departments: Departments | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._departments = departments
        self._now = now
        self._lock = threading.Lock()
        self._noted: dict[int, datetime] = {}
        self._held: dict[str, Account] = {}

    def create(
        self,
        name: str,
        *,
        by: Actor,
        role: Role | str = Role.PIPELINE,
        scopes: Collection[Scope | str] = PIPELINE_SCOPES,
        department: str | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[str, Key]:
        """Make a key; its secret is given here and is nowhere afterwards.

        Args:
            name: 1 to 64 characters; given once.
            by: Who makes it.
            role: `pipeline`: people have accounts.
            scopes: What it opens.
            department: The department to which it is kept, None for the whole city.
            expires_at: When it stops by itself (aware), None for never.

        Raises:
            InvalidRequest: Name, role, scopes, department or expiry cannot be used.
            KeyExists: The name is taken, or was once.
        """
        secret = _PREFIX + secrets.token_urlsafe(32)
        values = {
            "name": name,
            "key_hash": _digest(secret),
            "role": _machine(role).value,
            "department": self._known(department),
            "scopes": [scope.value for scope in _checked(scopes)],
            "expires_at": self._ahead(expires_at),
            "created_by": by.name,
        }
        if not name.strip() or len(name) > 64 or not name.isprintable():
            raise InvalidRequest(field="name", problem="a name has 1 to 64 printable characters")
        return secret, self._store.write(lambda connection: self._insert(connection, values, by))

    def all(self) -> tuple[Key, ...]:
        """Every key, the revoked ones too, in the order of their making."""
        with self._store.read() as connection:
            return tuple(_key(row) for row in connection.execute(select(api_key).order_by(api_key.c.key_id)))

    def revoke(self, name: str, *, by: Actor) -> Key:
        """Stop a key; it is refused from now on, and stays in the list. A revoked one stays as it is.

        Raises:
            NotFound: There is none of that name.
        """

        def work(connection: Connection) -> Key:
            row = connection.execute(select(api_key).where(api_key.c.name == name)).first()
            if row is None:
                raise NotFound(kind="key", key=name)
            if row.revoked_at is None:
                at = self._now()
                here = api_key.c.key_id == row.key_id
                connection.execute(update(api_key).where(here).values(revoked_at=at))
                append_event(connection, Event(at=at, who=by.name, kind="key.revoked", data={"key": name}))
            return _key(connection.execute(select(api_key).where(api_key.c.name == name)).one())

        return self._store.write(work)

    def account_of(self, secret: str) -> Account:
        """Whoever asks with a key.

        Raises:
            NotLoggedIn: There is no such key, it was revoked, or it has expired.
        """
        digest, at = _digest(secret), self._now()
        with self._store.read() as connection:
            row = connection.execute(_BY_HASH, {"of_hash": digest}).first()
        if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= at):
            self._held.pop(digest, None)
            raise NotLoggedIn(REFUSED)
        self._note_use(row.key_id, at, noted_before=row.last_used_at)
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        self._held[digest] = account = self._account(row)
        return account

    def account_once(self, secret: str) -> Account | None:
        """Whoever asked with a key before, None where it was not asked with here: `holding` tells whether it holds."""
        account = self._held.get(_digest(secret))
        if account is not None:
            self._note_use(account.account_id, self._now())
        return account

    def holding(self, connection: Connection, key_ids: Collection[int]) -> frozenset[int]:
        """Those keys, by their numbers, that are neither revoked nor expired, asked in a transaction that writes."""
        asked = {"of_keys": list(key_ids), "of_now": self._now()}
        holding = frozenset(connection.execute(_HOLDING, asked).scalars())
        if gone := set(key_ids) - holding:
            self._held = {digest: one for digest, one in self._held.items() if one.account_id not in gone}
        return holding

    def _account(self, row: Row[Any]) -> Account:
        below = self._departments.under(row.department) if self._departments and row.department else ()
        return Account(
            account_id=row.key_id,
            name=f"key:{row.name}",
            display_name_zh=row.name,
            display_name_en=row.name,
            role=Role(row.role),
            department=row.department,
            below=below,
            scopes=frozenset(map(Scope, row.scopes)),
        )

    def _insert(self, connection: Connection, values: dict[str, Any], by: Actor) -> Key:
        name = values["name"]
        if connection.execute(select(api_key.c.key_id).where(api_key.c.name == name)).first() is not None:
            raise KeyExists(name=name)
        at = self._now()
        connection.execute(insert(api_key).values(created_at=at, **values))
        told = {name: values[name] for name in ("role", "department", "scopes")}
        append_event(connection, Event(at=at, who=by.name, kind="key.created", data={"key": name, **told}))
        return _key(connection.execute(select(api_key).where(api_key.c.name == name)).one())

    def _known(self, department: str | None) -> str | None:
        if department is not None and self._departments is not None and department not in self._departments:
            known = ", ".join(self._departments.by_key)
            raise InvalidRequest(field="department", problem=f"{department!r} is none of {known}")
        return department

    def _ahead(self, expires_at: datetime | None) -> datetime | None:
        if expires_at is not None and expires_at <= self._now():
            raise InvalidRequest(field="expires_at", problem="it lies in the past")
        return expires_at

    def _note_use(self, key_id: int, at: datetime, *, noted_before: datetime | None = None) -> None:
        with self._lock:
            noted = self._noted.get(key_id, noted_before)
            if noted is not None and at - noted < _NOTE_USE_EVERY:
                return
            self._noted[key_id] = at
        note = update(api_key).where(api_key.c.key_id == key_id).values(last_used_at=at)
        # Nobody waits for it: that a key was used matters less than what it is used for.
        with suppress(StoreClosed):
            self._store.submit(lambda connection: connection.execute(note).rowcount)


def _machine(role: Role | str) -> Role:
    if role != Role.PIPELINE:
        raise InvalidRequest(field="role", problem=f"a key's role is {Role.PIPELINE}; people have accounts")
    return Role.PIPELINE


def _checked(scopes: Collection[Scope | str]) -> list[Scope]:
    known = {str(scope) for scope in Scope}
    unknown = next((scope for scope in scopes if scope not in known), None)
    if unknown is not None or not scopes:
        said = "name one at least" if unknown is None else f"{str(unknown)!r} is unknown"
        raise InvalidRequest(field="scopes", problem=f"{said}: {', '.join(Scope)}")
    return [scope for scope in Scope if scope in scopes]


def _key(row: Row[Any]) -> Key:
    return Key(
        key_id=row.key_id,
        name=row.name,
        role=Role(row.role),
        department=row.department,
        scopes=tuple(map(Scope, row.scopes)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def _digest(secret: str) -> str:
    # 256 random bits cannot be guessed, so a slow hash would protect nothing and cost every request.
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()
