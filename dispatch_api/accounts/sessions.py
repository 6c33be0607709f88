"""`SessionDesk`: people log in and out."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from dispatch_api.accounts.model import Account, provider_account_name
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.records import account_row
from dispatch_api.accounts.throttle import Throttle
from dispatch_api.departments.model import Departments
from dispatch_api.errors import NotLoggedIn, WrongCredentials
from dispatch_api.store import Store
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


class SessionDesk:
    """Logs people in and out."""

    def __init__(
        self,
        store: Store,
        *,
        passwords: Passwords | None = None,
        departments: Departments | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Join the parts.

        Args:
            store: Where accounts and sessions are.
            passwords: Hashing, where a test wants a quicker one.
            departments: The city's; without them nobody sees the work of departments below their own.
            now: The clock.
        """
        self._store = store
        self._below = {key: departments.under(key) for key in departments.by_key} if departments else {}
        self._passwords = passwords or Passwords()
        self._now = now
        self._throttle = Throttle(store, now=now)
        self._nobody = self._passwords.hashed(secrets.token_hex(16))

    def log_in(self, name: str, password: str, *, address: str) -> LogIn:
        """Open a session.

        Raises:
            TooManyAttempts: This name or address failed too often.
            WrongCredentials: Name or password does not fit.
        """
        with self.attempt(name, address):
            account_id = self._account_id(name, password)
        return self.enter(account_id)

    def who(self, name: str, password: str, *, address: str) -> Account:
        """Whose name and password these are; the rest as `log_in`, but that no session is opened."""
        with self.attempt(name, address):
            account_id = self._account_id(name, password)
        with self._store.read() as connection:
            return self._owner(connection, account_id)

    def attempt(self, name: str, address: str) -> AbstractContextManager[None]:
        """Let somebody try a password: `WrongCredentials` inside counts against the name and the address.

        Raises:
            TooManyAttempts: This name or address failed too often.
        """
        return self._throttle.attempt(name, address)

    def of_token(self, token: str | None) -> LogIn:
        """The session of a token.

        Raises:
            NotLoggedIn: There is none, or it has ended.
        """
        if not token:
            raise NotLoggedIn("log in first.")
        query = (
            select(session)
            .join(account, account.c.account_id == session.c.account_id)
            .where(session.c.token_hash == _digest(token), session.c.expires_at > self._now())
            .where(account.c.disabled_at.is_(None))
        )
        with self._store.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise NotLoggedIn("the session has ended; log in again.")
            owner = self._owner(connection, row.account_id)
        return LogIn(token=token, csrf=row.csrf, account=owner, expires_at=row.expires_at)

    def log_out(self, token: str) -> str | None:
        """End a session.

        Returns:
            What the city's own log-in said of whoever came by it; None for a session that was opened by password.
        """
        here = session.c.token_hash == _digest(token)

        def work(connection: Connection) -> str | None:
            id_token: str | None = connection.execute(select(session.c.id_token).where(here)).scalar()
            connection.execute(delete(session).where(here))
            return id_token

        return self._store.write(work)

    def enter(self, account_id: int, *, id_token: str | None = None, provider_session: str | None = None) -> LogIn:
        """Open a session for somebody whom another authority has made sure of.

        Args:
            account_id: Whose.
            id_token: What that authority said of them; it goes with the session.
            provider_session: What that authority calls their session there.
        """
        more = {"id_token": id_token, "provider_session": provider_session}
        return self._store.write(lambda connection: self._open(connection, account_id, **more))

    def end_at_provider(self, *, subject: str | None, provider_session: str | None) -> int:
        """End the sessions of people who came by the city's own log-in and have logged out there.

        Args:
            subject: Who; None for whoever has that session there.
            provider_session: Their session there; None for all of theirs.

        Returns:
            How many.
        """
        ended = delete(session).where(session.c.id_token.is_not(None))
        if provider_session is not None:
            ended = ended.where(session.c.provider_session == provider_session)
        if subject is not None:
            whose = select(account.c.account_id).where(account.c.name == provider_account_name(subject))
            ended = ended.where(session.c.account_id.in_(whose))
        return self._store.write(lambda connection: int(connection.execute(ended).rowcount))

    def _account_id(self, name: str, password: str) -> int:
        with self._store.read() as connection:
            row = connection.execute(
                select(account.c.account_id, account.c.password_hash, account.c.disabled_at).where(
                    account.c.name == name
                )
            ).first()
        # An unknown name costs as much time as a known one, so that names cannot be found out.
        fits = self._passwords.fits(password, row.password_hash if row and row.password_hash else self._nobody)
        if row is None or not fits or row.disabled_at is not None:
            raise WrongCredentials("name or password is wrong.")
        return int(row.account_id)

    def _owner(self, connection: Connection, account_id: int) -> Account:
        owner = account_row(connection, account.c.account_id == account_id)
        return replace(owner, below=self._below.get(owner.department or "", ()))

    def _open(self, connection: Connection, account_id: int, **more: str | None) -> LogIn:
        at = self._now()
        connection.execute(delete(session).where(session.c.expires_at <= at))
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        expires_at = at + SESSION_LIFE
        connection.execute(
            insert(session).values(
                token_hash=_digest(token),
                account_id=account_id,
                csrf=csrf,
                created_at=at,
                expires_at=expires_at,
                **more,
            )
        )
        owner = self._owner(connection, account_id)
        return LogIn(token=token, csrf=csrf, account=owner, expires_at=expires_at)


def drop_sessions(connection: Connection, account_id: int, *, but: str | None = None) -> None:
    """End every session of an account, except that of the token `but`."""
    ended = delete(session).where(session.c.account_id == account_id)
    connection.execute(ended if but is None else ended.where(session.c.token_hash != _digest(but)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
