"""`Attempts`: what was tried lately, counted in the store, so that every process sees it and no restart forgets it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from limits.storage import Storage
from sqlalchemy import Connection, delete, insert, select, update

from dispatch_api.store import Store
from dispatch_api.store.schema import attempt
from dispatch_api.store.times import utc_now

_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often something was tried, and until when that is remembered."""

    count: int
    expires_at: datetime


def count_of(connection: Connection, key: str, *, at: datetime) -> Count | None:
    """What is remembered of a key, None where nothing is."""
    # A row has a method `count` of its own.
    query = select(attempt.c.count.label("tried"), attempt.c.expires_at)
    row = connection.execute(query.where(attempt.c.key == _hashed(key), attempt.c.expires_at > at)).first()
    return None if row is None else Count(count=row.tried, expires_at=row.expires_at)


def count_attempt(
    connection: Connection, key: str, *, at: datetime, lasts: timedelta, amount: int = 1, anew: bool = False
) -> Count:
    """Count something that is tried.

    Args:
        connection: A writing transaction.
        key: Who tries what; only its hash is kept, for people type passwords in place of names.
        at: Now.
        lasts: How long the first attempt is remembered, and with it those that follow.
        amount: How many attempts it counts for; -1 takes one back.
        anew: Whether each attempt is remembered that long, and with it those before.
    """
    # Nobody asks for these any more, and strangers would fill the store with them.
    connection.execute(delete(attempt).where(attempt.c.expires_at <= at))
    known = count_of(connection, key, at=at)
    expires_at = at + lasts if known is None or anew else known.expires_at
    count = max(0, amount + (known.count if known else 0))
    if known is None:
        connection.execute(insert(attempt), {"key": _hashed(key), "count": count, "expires_at": expires_at})
    else:
        here = attempt.c.key == _hashed(key)
        connection.execute(update(attempt).where(here).values(count=count, expires_at=expires_at))
    return Count(count=count, expires_at=expires_at)


def forget_attempts(connection: Connection, keys: Iterable[str]) -> None:
    """Forget what was counted of some keys."""
    connection.execute(delete(attempt).where(attempt.c.key.in_([_hashed(key) for key in keys])))


def place_of(address: str) -> str:
    """Whom an address stands for: of IPv6 the network, since one household has 2^64 addresses of its own."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS)) + f"/{_IPV6_NETWORK_BITS}"


class StoreStorage(Storage):
    """Where the limiters of `limits` keep their windows; `limits` itself brings servers of their own for that."""

    STORAGE_SCHEME = None

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self._store = store
        self._now = now

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Errors to wrap: none, the store's own say what is wrong."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; gives how many there are now."""
        lasts = timedelta(seconds=expiry)
        return self._store.write(
            lambda connection: count_attempt(connection, key, at=self._now(), lasts=lasts, amount=amount).count
        )

    def get(self, key: str) -> int:
        """How many there are."""
        with self._store.read() as connection:
            known = count_of(connection, key, at=self._now())
        return known.count if known else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970; now where there is none."""
        at = self._now()
        with self._store.read() as connection:
            known = count_of(connection, key, at=at)
        return (known.expires_at if known else at).timestamp()

    def check(self) -> bool:
        """Whether the store answers: it raises its own errors where it does not."""
        self.get("")
        return True

    def reset(self) -> int | None:
        """Forget every window, log-ins' too."""
        return self._store.write(lambda connection: connection.execute(delete(attempt)).rowcount)

    def clear(self, key: str) -> None:
        """Forget a window."""
        self._store.write(lambda connection: forget_attempts(connection, [key]))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
