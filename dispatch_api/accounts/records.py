"""Accounts in the store: rows in, accounts out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from dispatch_api.accounts.model import Account, Role
from dispatch_api.store.schema import account


@dataclass(frozen=True, kw_only=True)
class KeptAccount:
    """An account as whoever looks after accounts sees it.

    Attributes:
        account: Who it is.
        created_at: When it was made.
        disabled_at: When it was closed, None while it is open.
        has_password: False for people who come by another authority's log-in only.
    """

    account: Account
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool


def account_row(connection: Connection, where: ColumnElement[bool]) -> Account:
    """The one account for which a condition holds."""
    return account_of(connection.execute(select(account).where(where)).one())


def account_of(row: Row[Any]) -> Account:
    """The account of a row."""
    return Account(
        account_id=row.account_id,
        name=row.name,
        display_name_zh=row.display_name_zh,
        display_name_en=row.display_name_en,
        role=Role(row.role),
        department=row.department,
    )


def kept_account(row: Row[Any]) -> KeptAccount:
    """The account of a row with what is kept about it."""
    return KeptAccount(
        account=account_of(row),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        has_password=bool(row.password_hash),
    )
