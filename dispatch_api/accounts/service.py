"""Accounts and their sessions."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import Connection, delete, insert, select

from dispatch_api.accounts.model import DEPARTMENT_ROLES, PEOPLE_ROLES, Account, Actor, Role, system_actor
from dispatch_api.accounts.passwords import MIN_PASSWORD_LENGTH, Passwords
from dispatch_api.accounts.throttle import Throttle
from dispatch_api.errors import AccountExists, InvalidRequest, NotLoggedIn, WrongCredentials
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import account, session
from dispatch_api.store.times import utc_now

SESSION_LIFE = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class LogIn:
    """An open session as its owner gets it; `token` is not kept anywhere in clear."""

    token: str
    csrf: str
    account: Account
    expires_at: datetime


def create_account(
    store: Store,
    name: str,
    password: str,
    role: Role | str,
    department: str | None = None,
    *,
    display_name_zh: str | None = None,
    display_name_en: str | None = None,
    departments: Sequence[str] | None = None,
    by: Actor | None = None,
    passwords: Passwords | None = None,
) -> Account:
    """Add an account.

    Args:
        store: Where.
        name: Its log-in name.
        password: At least `MIN_PASSWORD_LENGTH` characters.
        role: One of `PEOPLE_ROLES`.
        department: Key of the department, for handlers and leaders only.
        display_name_zh: How it is called in Chinese; the log-in name where left out.
        display_name_en: How it is called in English.
        departments: The keys that exist, where they should be checked.
        by: Who adds it; the command line where left out.
        passwords: Hashing, where a test wants a quicker one.

    Raises:
        InvalidRequest: Name, password, role or department cannot be used.
        AccountExists: The name is taken.
    """
    values = {
        "name": name,
        "display_name_zh": display_name_zh or name,
        "display_name_en": display_name_en or display_name_zh or name,
        "role": _checked(name, password, role, department, departments).value,
        "department": department,
        "password_hash": (passwords or Passwords()).hashed(password),
    }
    return store.write(lambda connection: _insert(connection, values, by or system_actor("command-line")))


def _checked(
    name: str, password: str, role: Role | str, department: str | None, departments: Sequence[str] | None
) -> Role:
    if not name.strip() or len(name) > 64:
        raise InvalidRequest(field="name", problem="a name has 1 to 64 characters")
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidRequest(field="password", problem=f"a password has at least {MIN_PASSWORD_LENGTH} characters")
    checked = checked_role(role)
    if (checked in DEPARTMENT_ROLES) != bool(department):
        raise InvalidRequest(field="department", problem="handlers and leaders name one, and no other role does")
    if department and departments is not None and department not in departments:
        raise InvalidRequest(field="department", problem=f"{department!r} is none of {', '.join(departments)}")
    return checked


def checked_role(role: Role | str) -> Role:
    """The role of a person that a word names.

    Raises:
        InvalidRequest: It names none; the role `department` of earlier versions is told what became of it.
    """
    if role == "department":
        problem = "`department` is now `handler` (does the work) or `leader` (who may also refuse and hand on)"
        raise InvalidRequest(field="role", problem=problem)
    people = [known for known in Role if known in PEOPLE_ROLES]
    if role not in people:
        raise InvalidRequest(field="role", problem=f"{role!r} is none of {', '.join(people)}")
    return Role(role)


def _insert(connection: Connection, values: dict[str, str | None], by: Actor) -> Account:
    name = str(values["name"])
    if connection.execute(select(account.c.name).where(account.c.name == name)).first() is not None:
        raise AccountExists(name=name)
    at = utc_now()
    connection.execute(insert(account).values(created_at=at, **values))
    data = {"account": name, "role": values["role"], "department": values["department"]}
    append_event(connection, Event(at=at, who=by.name, kind="account.created", data=data))
    return _account(connection, account.c.name == name)


def _account(connection: Connection, where: object) -> Account:
    row = connection.execute(select(account).where(where)).one()  # type: ignore[arg-type]
    return Account(
        account_id=row.account_id,
        name=row.name,
        display_name_zh=row.display_name_zh,
        display_name_en=row.display_name_en,
        role=Role(row.role),
        department=row.department,
    )


class SessionDesk:
    """Logs people in and out."""

    def __init__(
        self, store: Store, *, passwords: Passwords | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._passwords = passwords or Passwords()
        self._now = now
        self._throttle = Throttle(monotonic)
        self._nobody = self._passwords.hashed(secrets.token_hex(16))

    def log_in(self, name: str, password: str, *, address: str) -> LogIn:
        """Open a session.

        Raises:
            TooManyAttempts: This name or address failed too often.
            WrongCredentials: Name or password does not fit.
        """
        keys = _throttle_keys(name, address)
        self._throttle.check(keys)
        with self._store.read() as connection:
            row = connection.execute(
                select(account.c.account_id, account.c.password_hash, account.c.disabled_at).where(
                    account.c.name == name
                )
            ).first()
        # An unknown name costs as much time as a known one, so that names cannot be found out.
        fits = self._passwords.fits(password, row.password_hash if row else self._nobody)
        if row is None or not fits or row.disabled_at is not None:
            self._throttle.failed(keys)
            raise WrongCredentials("name or password is wrong.")
        self._throttle.succeeded(next(iter(keys)))
        return self._store.write(lambda connection: self._open(connection, row.account_id))

    def of_token(self, token: str | None) -> LogIn:
        """The session of a token.

        Raises:
            NotLoggedIn: There is none, or it has ended.
        """
        if not token:
            raise NotLoggedIn("log in first.")
        query = select(session).where(session.c.token_hash == _digest(token), session.c.expires_at > self._now())
        with self._store.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise NotLoggedIn("the session has ended; log in again.")
            owner = _account(connection, account.c.account_id == row.account_id)
        return LogIn(token=token, csrf=row.csrf, account=owner, expires_at=row.expires_at)

    def log_out(self, token: str) -> None:
        """End a session."""
        self._store.write(
            lambda connection: (
                connection.execute(delete(session).where(session.c.token_hash == _digest(token))).rowcount
            )
        )

    def _open(self, connection: Connection, account_id: int) -> LogIn:
        at = self._now()
        connection.execute(delete(session).where(session.c.expires_at <= at))
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        expires_at = at + SESSION_LIFE
        connection.execute(
            insert(session).values(
                token_hash=_digest(token), account_id=account_id, csrf=csrf, created_at=at, expires_at=expires_at
            )
        )
        owner = _account(connection, account.c.account_id == account_id)
        return LogIn(token=token, csrf=csrf, account=owner, expires_at=expires_at)


def _throttle_keys(name: str, address: str) -> dict[str, int]:
    # Few guesses at one name from one place; more for a whole office behind one address, or for a name that somebody
    # far away tries, so that nobody can lock others out with a handful of requests.
    who = name[:64]
    return {f"both:{who}@{address}": 5, f"address:{address}": 30, f"name:{who}": 30}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
