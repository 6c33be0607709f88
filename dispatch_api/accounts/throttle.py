"""Slowing down who guesses passwords, over all processes of one store and over their restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from dispatch_api.accounts.attempts import count_attempt, count_of, forget_attempts, place_of
from dispatch_api.errors import TooManyAttempts, WrongCredentials
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now

WINDOW = timedelta(minutes=5)
MAX_WAIT = timedelta(minutes=5)
_MAX_DOUBLINGS = 9


class Throttle:
    """Counts failures by name and address; beyond the free attempts, each further one doubles the waiting time."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    @contextmanager
    def attempt(self, name: str, address: str) -> Iterator[None]:
        """Let somebody try a password: `WrongCredentials` inside counts against the name and the address.

        Raises:
            TooManyAttempts: This name or address failed too often.
        """
        place = place_of(address)
        both, wider = _keys(name, place)
        with self._store.read() as connection:
            # Whoever has to wait costs no writing.
            self._check(connection, {**both, **wider})
        self._store.write(lambda connection: self._begin(connection, both, wider))
        try:
            yield
        except WrongCredentials:
            self._store.write(lambda connection: self._count(connection, wider))
            raise
        except BaseException:
            # Nothing was found out, so nothing counts.
            self._store.write(lambda connection: self._count(connection, both, amount=-1))
            raise
        self._store.write(lambda connection: forget_attempts(connection, both))

    def _begin(self, connection: Connection, both: Mapping[str, int], wider: Mapping[str, int]) -> None:
        # Counted before it is tried, or many at once would all be let in before the first has failed.
        self._check(connection, {**both, **wider})
        self._count(connection, both)

    def _check(self, connection: Connection, keys: Mapping[str, int]) -> None:
        at = self._now()
        wait = max(self._wait(connection, key, free, at) for key, free in keys.items())
        if wait > timedelta():
            raise TooManyAttempts(retry_after_s=int(wait.total_seconds()) + 1)

    def _wait(self, connection: Connection, key: str, free: int, at: datetime) -> timedelta:
        known = count_of(connection, key, at=at)
        if known is None or known.count < free:
            return timedelta()
        doublings = min(known.count - free + 1, _MAX_DOUBLINGS)
        last_at = known.expires_at - WINDOW
        # A clock that was put back must not make anybody wait for longer than the longest wait.
        return min(last_at + min(timedelta(seconds=2.0**doublings), MAX_WAIT) - at, MAX_WAIT)

    def _count(self, connection: Connection, keys: Mapping[str, int], *, amount: int = 1) -> None:
        for key in keys:
            count_attempt(connection, key, at=self._now(), lasts=WINDOW, amount=amount, anew=True)


def _keys(name: str, place: str) -> tuple[dict[str, int], dict[str, int]]:
    # Few guesses at one name from one place; more for a whole office behind one address, or for a name that somebody
    # far away tries, so that nobody can lock others out with a handful of requests.
    who = name[:64]
    return {f"both:{who}@{place}": 5}, {f"address:{place}": 30, f"name:{who}": 30}
