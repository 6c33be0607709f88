"""`AccountDesk`: accounts are made, changed and closed, and the history tells by whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from dispatch_api.accounts.model import DEPARTMENT_ROLES, PEOPLE_ROLES, Account, Actor, Role, system_actor
from dispatch_api.accounts.passwords import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, Passwords
from dispatch_api.accounts.records import KeptAccount, account_of, account_row, kept_account
from dispatch_api.accounts.sessions import drop_sessions
from dispatch_api.errors import AccountExists, InvalidRequest, NotFound, WrongCredentials
from dispatch_api.store import Store
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.schema import account
from dispatch_api.store.times import utc_now

COMMAND_LINE = system_actor("command-line")
NO_PASSWORD = ""
"""Kept in place of a hash: no password fits it."""


class AccountDesk:
    """Where accounts are looked after."""

    def __init__(
        self,
        store: Store,
        *,
        departments: Sequence[str] | None = None,
        passwords: Passwords | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Join the parts.

        Args:
            store: Where accounts are.
            departments: The keys that exist, where they should be checked.
            passwords: Hashing, where a test wants a quicker one.
            now: The clock.
        """
        self._store = store
        self._departments = departments
        self._passwords = passwords or Passwords()
        self._now = now

    def create(
        self,
        name: str,
        password: str | None,
        role: Role | str,
        department: str | None = None,
        *,
        by: Actor,
        display_name_zh: str | None = None,
        display_name_en: str | None = None,
    ) -> Account:
        """Add an account.

        Args:
            name: Its log-in name.
            password: At least `MIN_PASSWORD_LENGTH` characters; None for somebody who never logs in with one.
            role: One of `PEOPLE_ROLES`.
            department: Key of the department, for handlers and leaders only.
            by: Who adds it.
            display_name_zh: How it is called in Chinese; the log-in name where left out.
            display_name_en: How it is called in English.

        Raises:
            InvalidRequest: Name, password, role or department cannot be used.
            AccountExists: The name is taken.
        """
        checked, department = self._work(role, department)
        _check_names(name=name, display_name_zh=display_name_zh, display_name_en=display_name_en)
        values = {
            "name": name,
            "display_name_zh": display_name_zh or name,
            "display_name_en": display_name_en or display_name_zh or name,
            "role": checked.value,
            "department": department,
            "password_hash": NO_PASSWORD if password is None else self._hashed(password),
        }
        return self._store.write(lambda connection: self._insert(connection, values, by))

    def all(self) -> tuple[KeptAccount, ...]:
        """Every account, the closed ones too, by name."""
        with self._store.read() as connection:
            return tuple(kept_account(row) for row in connection.execute(select(account).order_by(account.c.name)))

    def one(self, name: str) -> KeptAccount:
        """An account by its name.

        Raises:
            NotFound: There is none.
        """
        with self._store.read() as connection:
            return kept_account(_row(connection, name))

    def set_role(self, name: str, role: Role | str, department: str | None = None, *, by: Actor) -> KeptAccount:
        """Give an account another role, or another department; it counts from its next request on.

        Raises:
            NotFound: There is none of that name.
            InvalidRequest: Role or department cannot be used, or it is the asker's own account.
        """
        checked, department = self._work(role, department)
        _not_oneself(name, by, "role")
        values = {"role": checked.value, "department": department}
        return self._change(name, values, kind="account.role_changed", by=by, told=values)

    def set_disabled(self, name: str, *, disabled: bool, by: Actor) -> KeptAccount:
        """Close an account, which ends its sessions, or open it again.

        Raises:
            NotFound: There is none of that name.
            InvalidRequest: It is the asker's own account.
        """
        _not_oneself(name, by, "disabled")
        values = {"disabled_at": self._now() if disabled else None}
        kind = "account.disabled" if disabled else "account.enabled"
        return self._change(name, values, kind=kind, by=by, end_sessions=disabled)

    def set_password(self, name: str, password: str, *, by: Actor) -> KeptAccount:
        """Set somebody's password; their sessions end.

        Raises:
            NotFound: There is none of that name.
            InvalidRequest: The password is too short or too long.
        """
        values = {"password_hash": self._hashed(password)}
        return self._change(name, values, kind="account.password_changed", by=by, end_sessions=True)

    def change_own_password(self, name: str, *, old: str, new: str, token: str) -> None:
        """Change one's own password; one's other sessions end.

        Raises:
            WrongCredentials: The old one does not fit.
            InvalidRequest: The new one is too short or too long.
        """
        with self._store.read() as connection:
            row = _row(connection, name)
        if not self._passwords.fits(old, row.password_hash):
            raise WrongCredentials("the old password is wrong.")
        values = {"password_hash": self._hashed(new)}
        self._change(
            name, values, kind="account.password_changed", by=account_of(row).actor, end_sessions=True, but=token
        )

    def _change(
        self,
        name: str,
        values: dict[str, Any],
        *,
        kind: str,
        by: Actor,
        told: dict[str, Any] | None = None,
        end_sessions: bool = False,
        but: str | None = None,
    ) -> KeptAccount:
        def work(connection: Connection) -> KeptAccount:
            row = _row(connection, name)
            connection.execute(update(account).where(account.c.account_id == row.account_id).values(**values))
            if end_sessions:
                drop_sessions(connection, row.account_id, but=but)
            data = {"account": name, **(told or {})}
            append_event(connection, Event(at=self._now(), who=by.name, kind=kind, data=data))
            return kept_account(_row(connection, name))

        return self._store.write(work)

    def _insert(self, connection: Connection, values: dict[str, str | None], by: Actor) -> Account:
        name = str(values["name"])
        if connection.execute(select(account.c.name).where(account.c.name == name)).first() is not None:
            raise AccountExists(name=name)
        at = self._now()
        connection.execute(insert(account).values(created_at=at, **values))
        data = {"account": name, "role": values["role"], "department": values["department"]}
        append_event(connection, Event(at=at, who=by.name, kind="account.created", data=data))
        return account_row(connection, account.c.name == name)

    def _work(self, role: Role | str, department: str | None) -> tuple[Role, str | None]:
        checked = checked_role(role)
        if (checked in DEPARTMENT_ROLES) != bool(department):
            raise InvalidRequest(field="department", problem="handlers and leaders name one, and no other role does")
        if department and self._departments is not None and department not in self._departments:
            known = ", ".join(self._departments)
            raise InvalidRequest(field="department", problem=f"{department!r} is none of {known}")
        return checked, department or None

    def _hashed(self, password: str) -> str:
        if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
            problem = f"a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
            raise InvalidRequest(field="password", problem=problem)
        return self._passwords.hashed(password)


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
    """Add an account from outside the service; see `AccountDesk.create`.

    Raises:
        InvalidRequest: Name, password, role or department cannot be used.
        AccountExists: The name is taken.
    """
    desk = AccountDesk(store, departments=departments, passwords=passwords)
    shown = {"display_name_zh": display_name_zh, "display_name_en": display_name_en}
    return desk.create(name, password, role, department, by=by or COMMAND_LINE, **shown)


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


def _row(connection: Connection, name: str) -> Row[Any]:
    row = connection.execute(select(account).where(account.c.name == name)).first()
    if row is None:
        raise NotFound(kind="account", key=name)
    return row


def _check_names(**names: str | None) -> None:
    for field, words in names.items():
        if words is not None and not (words.strip() and len(words) <= 64 and words.isprintable()):
            raise InvalidRequest(field=field, problem="a name has 1 to 64 printable characters")


def _not_oneself(name: str, by: Actor, field: str) -> None:
    # So the last admin cannot lock everybody out; the command line always can, and let somebody in again.
    if name == by.name:
        raise InvalidRequest(field=field, problem="another admin does this to your account")
