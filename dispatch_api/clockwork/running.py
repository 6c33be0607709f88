"""The clockwork's thread: sleeps until something is due, does it, and goes on where it stopped after a restart.

Once a day it removes what is not kept any more, for a moment at a time: what is due to be told does not wait for that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.matters import Matters
from dispatch_api.clockwork.firing import fire_due, next_due
from dispatch_api.errors import StoreClosed
from dispatch_api.retention.pruning import Pruned, Pruner
from dispatch_api.retention.rules import Retention, load_retention
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now
from dispatch_api.storms.digests import tell_storm_when_due

LONGEST_SLEEP_S = 5.0
"""Other processes write reminders too; this is how late their first one may be noticed."""
PRUNE_EVERY = timedelta(days=1)
_PRUNE_AFTER_FAILURE = timedelta(hours=1)
_PRUNE_AT_ONCE_S = 0.5
_BETWEEN_PRUNINGS_S = 0.5
_AFTER_FAILURE_S = 5.0
_BY = system_actor("clockwork")
_log = logging.getLogger(__name__)


class Clockwork:
    """Does what is due in a store. Several processes may run one each: a reminder is settled by one of them, once."""

    def __init__(
        self,
        store: Store,
        matters: Matters,
        *,
        retention: Retention | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Set up.

        Args:
            store: The store.
            matters: The city's matters.
            retention: For how long things are kept; the defaults where left out.
            now: The clock.
        """
        self._store = store
        self._matters = matters
        self._pruner = Pruner(store, retention or load_retention(), now=now)
        self._pruning: Iterator[Pruned] | None = None
        self._prune_at: datetime | None = None
        self._now = now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clockwork", daemon=True)

    def run_due(self) -> int:
        """Do everything that is due now.

        Returns:
            How many reminders were settled.
        """
        settled = 0
        while not self._stop.is_set():
            at = self._now()
            done = self._store.write(lambda connection: fire_due(connection, matters=self._matters, at=at))  # noqa: B023
            settled += done
            if done == 0:
                break
        tell_storm_when_due(self._store, matters=self._matters, at=self._now())
        return settled

    def prune_a_little(self) -> bool:
        """Remove what is not kept any more, for half a second at most.

        Returns:
            Whether there is more to do at once; if not, the next time is a day later.
        """
        if self._pruning is None:
            at = self._now()
            if self._prune_at is not None and at < self._prune_at:
                return False
            self._pruning, self._prune_at = self._pruner.batches(by=_BY), at + PRUNE_EVERY
        until = time.monotonic() + _PRUNE_AT_ONCE_S
        try:
            for _ in self._pruning:
                if time.monotonic() >= until or self._stop.is_set():
                    return True
        except Exception:
            self._prune_at = self._now() + _PRUNE_AFTER_FAILURE
            self._pruning = None
            raise
        self._pruning = None
        return False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            try:
                self.run_due()
                more = self.prune_a_little()
                pause_s = min(self._until_next(), _BETWEEN_PRUNINGS_S if more else LONGEST_SLEEP_S)
            except StoreClosed:
                return
            except Exception:  # noqa: BLE001
                # A store that is busy or away for a moment must not end the city's clocks.
                _log.exception("the clockwork could not do what is due; it tries again in %.0f s", _AFTER_FAILURE_S)
                pause_s = _AFTER_FAILURE_S

    def _until_next(self) -> float:
        with self._store.read() as connection:
            due_at = next_due(connection)
        if due_at is None:
            return LONGEST_SLEEP_S
        return min(max((due_at - self._now()).total_seconds(), 0.0), LONGEST_SLEEP_S)
