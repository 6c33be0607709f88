"""Removing what is not kept any more, a little at a time, so that nobody who writes waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from dispatch_api.accounts.model import Actor
from dispatch_api.deliveries.old import Old, old_messages, remove_old
from dispatch_api.doors.idempotency import count_answers, forget_answers
from dispatch_api.doors.sighting_desk import ANSWERS_KEPT_FOR
from dispatch_api.retention.rules import Retention
from dispatch_api.store import Store
from dispatch_api.store.feed import forget_feed, forgotten_until, old_feed
from dispatch_api.store.history import Event, append_event
from dispatch_api.store.times import iso, utc_now

BATCH = 500
"""Rows that one transaction removes, and what hangs by them."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """How much was removed, or would be: entries of the feed, deliveries, messages, answers kept for keys."""

    feed: int = 0
    deliveries: int = 0
    messages: int = 0
    answers: int = 0

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


class Pruner:
    """Removes what is older than a city's retention; several may work on one store at once."""

    def __init__(self, store: Store, retention: Retention, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._retention = retention
        self._now = now

    def prune(self, *, by: Actor, dry_run: bool = False) -> Pruned:
        """Remove everything that is due.

        Args:
            by: Who does it, for the history.
            dry_run: Only count it.
        """
        return sum(self.batches(by=by, dry_run=dry_run), start=Pruned())

    def batches(self, *, by: Actor, dry_run: bool = False) -> Iterator[Pruned]:
        """The same in small transactions, one with each step of the iterator; what each of them removed.

        The first that removes a part of the feed or of the deliveries writes into the history that it begins, and from
        before when.
        """
        sweep = _Sweep(self._store, self._retention, by=by, at=self._now(), dry_run=dry_run)
        yield from sweep.feed()
        yield from sweep.messages()
        yield from sweep.answers()


class _Sweep:
    def __init__(self, store: Store, retention: Retention, *, by: Actor, at: datetime, dry_run: bool) -> None:
        self._store = store
        self._by = by
        self._at = at
        self._dry_run = dry_run
        self._feed_before = at - retention.feed
        self._deliveries_before = at - retention.deliveries
        self._answers_before = at - ANSWERS_KEPT_FOR
        self._noted: set[str] = set()

    def feed(self) -> Iterator[Pruned]:
        after = 0
        while True:
            with self._store.read() as connection:
                ids = old_feed(connection, before=self._feed_before, after=after, most=BATCH)
            if not ids:
                return
            after = ids[-1]
            yield Pruned(feed=len(ids) if self._dry_run else self._store.write(partial(self._forget, after)))

    def _forget(self, until: int, connection: Connection) -> int:
        if forgotten_until(connection) >= until:
            return 0  # another process was quicker
        self._note(connection, "feed", self._feed_before)
        return forget_feed(connection, until=until)

    def messages(self) -> Iterator[Pruned]:
        after = ""
        while True:
            with self._store.read() as connection:
                old = self._old(connection, after)
            if old is None:
                return
            if old.messages or old.deliveries:
                found = old if self._dry_run else self._store.write(partial(self._remove, after))
                yield Pruned(deliveries=len(found.deliveries), messages=len(found.messages)) if found else Pruned()
            after = old.until

    def _old(self, connection: Connection, after: str) -> Old | None:
        return old_messages(connection, before=self._deliveries_before, after=after, most=BATCH)

    def _remove(self, after: str, connection: Connection) -> Old | None:
        # Looked for again where nobody else writes: what was settled a moment ago may have been sent again since.
        old = self._old(connection, after)
        if old is not None and (old.messages or old.deliveries):
            self._note(connection, "deliveries", self._deliveries_before)
            remove_old(connection, old)
        return old

    def answers(self) -> Iterator[Pruned]:
        with self._store.read() as connection:
            left = count_answers(connection, before=self._answers_before)
        if self._dry_run:
            yield Pruned(answers=left)
            return
        while left > 0:
            gone = self._store.write(partial(forget_answers, before=self._answers_before, most=BATCH))
            yield Pruned(answers=gone)
            left = left - gone if gone else 0

    def _note(self, connection: Connection, what: str, before: datetime) -> None:
        if what in self._noted:
            return
        data = {"what": what, "before": iso(before)}
        append_event(connection, Event(at=self._at, who=self._by.name, kind="store.pruned", data=data))
        self._noted.add(what)
