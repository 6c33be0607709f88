"""The relay: takes what is due, sends it, writes down what came of it; one receiver's trouble is nobody else's."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection

from dispatch_api.deliveries.channels import Channel, ReceiverKind
from dispatch_api.deliveries.leasing import Leased, Tried, give_back, lease, ready, record, renew
from dispatch_api.deliveries.outcome import Address, Outcome
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.errors import DispatchError, StoreClosed
from dispatch_api.store import Store
from dispatch_api.store.times import utc_now

T = TypeVar("T")
_GRACE_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is done at once, and how often the relay looks.

    Attributes:
        per_receiver: Requests to one receiver at once.
        in_all: Requests at once to receivers that answered last time.
        troubled: Requests at once to those that did not: each gets one at a time.
        ahead: Deliveries of one receiver that are taken at once.
        digest: Deliveries that go into one message of a robot, at the most.
        lease: How long a delivery is taken for; it is renewed while it is being sent.
        poll_s: Seconds between two looks at the store.
    """

    per_receiver: int = 4
    in_all: int = 64
    troubled: int = 32
    ahead: int = 32
    digest: int = 60
    lease: timedelta = timedelta(seconds=12)
    poll_s: float = 0.25

    def __post_init__(self) -> None:
        if min(self.per_receiver, self.in_all, self.troubled, self.ahead, self.digest) < 1:
            raise ValueError("a relay does at least one thing at once")
        if self.lease <= timedelta(0) or self.poll_s <= 0:
            raise ValueError("a lease and a poll last some time")


class Relay:
    """Sends the messages of a store; several may work on one store, in one process or in many."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[ReceiverKind, Channel],
        *,
        schedule: Schedule | None = None,
        pace: Pace | None = None,
        only: int | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Join the parts; nothing is sent yet.

        Args:
            store: Where messages wait.
            channels: How each kind of receiver is reached; other kinds are left alone.
            schedule: When failures are tried again.
            pace: How much is done at once.
            only: The one receiver that is sent to; None: all.
            now: The clock.
        """
        self._store = store
        self._only = only
        self._channels = channels
        self._schedule = schedule or Schedule()
        self._pace = pace or Pace()
        self._now = now
        self._healthy = asyncio.Semaphore(self._pace.in_all)
        self._unwell = asyncio.Semaphore(self._pace.troubled)
        self._each: dict[int, asyncio.Semaphore] = {}
        self._troubled: set[int] = set()
        self._held: Counter[int] = Counter()
        self._until: dict[Leased, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._results: list[tuple[Tried | None, list[int], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a store that cannot be reached for a while is waited for."""
        keeping = asyncio.create_task(self._keep_leases())
        try:
            while not stop.is_set():
                try:
                    began = await self.turn()
                except StoreClosed:
                    return
                except DispatchError as error:
                    _log.warning("deliveries wait: %s", error)
                    began = 0
                except Exception:  # noqa: BLE001 - whatever it is, messages go out again when it is over
                    _log.exception("deliveries wait")
                    began = 0
                await self._pause(stop, began)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await self._let_go()

    async def turn(self) -> int:
        """Take what is due and begin to send it.

        Returns:
            How many deliveries were taken.
        """
        now = self._now()
        waiting = await asyncio.to_thread(self._read, lambda connection: ready(connection, now))
        served = [to for to in waiting if ReceiverKind(to.kind) in self._channels]
        room = {to.receiver_id: self._room(to) for to in served if self._only in {None, to.receiver_id}}
        wanted = {receiver_id: most for receiver_id, most in room.items() if most > 0}
        if not wanted:
            return 0
        until = now + self._pace.lease
        taken = await self._write(lambda connection: lease(connection, wanted, at=now, until=until))
        for one in taken:
            self._held[one.to.receiver_id] += 1
            self._until[one] = until
        for batch in _batches(taken):
            task = asyncio.create_task(self._carry(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(taken)

    async def idle(self) -> None:
        """Wait until nothing that was taken is under way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _room(self, to: Address) -> int:
        held = self._held[to.receiver_id]
        if to.failures:
            self._troubled.add(to.receiver_id)
        else:
            self._troubled.discard(to.receiver_id)
        if to.kind != ReceiverKind.WEBHOOK:
            return 0 if held else self._pace.digest
        room = (1 if to.failures else self._pace.ahead) - held
        # Taken by the handful, not one by one: each taking is a commit.
        return room if to.failures or room * 2 >= self._pace.ahead else 0

    async def _carry(self, batch: Sequence[Leased]) -> None:
        to = batch[0].to
        try:
            slots = self._unwell if to.failures else self._healthy
            own = self._each.setdefault(to.receiver_id, asyncio.Semaphore(self._pace.per_receiver))
            # The receiver's own slots first: whoever waits for them holds none of those that all share.
            async with own, slots:
                tried = await self._send(batch)
            await self._written_down(tried, batch[len(tried.batch) if tried else 0 :])
        except DispatchError as error:
            # What was sent and could not be written down is sent again, under the same id.
            _log.warning("%d deliveries to %s are not written down: %s", len(batch), to.name, error)
        except Exception:  # noqa: BLE001 - a defect stays with its receiver, and the lease runs out
            _log.exception("deliveries to %s failed", to.name)
        finally:
            self._held[to.receiver_id] -= len(batch)
            for one in batch:
                self._until.pop(one, None)
            self._freed.set()

    async def _send(self, batch: Sequence[Leased]) -> Tried | None:
        to = batch[0].to
        channel = self._channels[ReceiverKind(to.kind)]
        began_at = self._now()
        now_troubled = to.receiver_id in self._troubled and not to.failures
        if now_troubled or any(self._until[one] <= began_at for one in batch):
            # It got into trouble while these waited for their turn: they wait for better times instead.
            return None
        sent = batch[: self._together(channel, batch)]
        outcome = await self._outcome(channel, to, sent, began_at)
        if not outcome.delivered:
            self._troubled.add(to.receiver_id)
            _log.info("delivery to %s failed: %s", to.name, outcome.error)
        return Tried(batch=sent, outcome=outcome, began_at=began_at, ended_at=self._now())

    async def _written_down(self, tried: Tried | None, unsent: Sequence[Leased]) -> None:
        """Hand in a result, and wait until it is on disk; what comes in while one writing runs is the next one's."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._results.append((tried, [one.delivery_id for one in unsent], done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_results())
        await done

    async def _write_results(self) -> None:
        while self._results:
            results, self._results = self._results, []
            tried = [one for one, _, _ in results if one is not None]
            unsent = [delivery_id for _, ids, _ in results for delivery_id in ids]
            try:
                await self._write(lambda connection, t=tried, u=unsent: self._record(connection, t, u))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - each of them is told
                for _, _, done in results:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, _, done in results:
                    if not done.done():
                        done.set_result(None)

    def _together(self, channel: Channel, batch: Sequence[Leased]) -> int:
        try:
            return channel.fits(batch[0].to, [one.message for one in batch])
        except Exception:  # noqa: BLE001 - one of them cannot be put into words: alone, it harms nobody else
            _log.exception("messages to %s do not go together", batch[0].to.name)
            return 1

    async def _outcome(self, channel: Channel, to: Address, sent: Sequence[Leased], at: datetime) -> Outcome:
        try:
            return await channel.send(to, [one.message for one in sent], at=at)
        except Exception as error:  # noqa: BLE001 - a defect must not be tried at full speed: it is a failure too
            _log.exception("sending to %s failed", to.name)
            return Outcome(error=f"could not be sent ({type(error).__name__})")

    def _record(self, connection: Connection, tried: Sequence[Tried], unsent: Sequence[int]) -> None:
        record(connection, tried, schedule=self._schedule)
        if unsent:
            give_back(connection, unsent)

    async def _keep_leases(self) -> None:
        third_s = self._pace.lease.total_seconds() / 3
        while True:
            await asyncio.sleep(third_s)
            taken = list(self._until)
            if not taken:
                continue
            ids, until = [one.delivery_id for one in taken], self._now() + self._pace.lease
            try:
                await self._write(lambda connection, ids=ids, until=until: renew(connection, ids, until))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - what is not renewed runs out, and is sent again
                _log.warning("leases are not renewed: %s", error)
            else:
                self._until.update({one: until for one in taken if one in self._until})

    async def _pause(self, stop: asyncio.Event, began: int) -> None:
        self._freed.clear()
        waits = [asyncio.create_task(event.wait()) for event in ((stop, self._freed) if began else (stop,))]
        await asyncio.wait(waits, timeout=self._pace.poll_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _let_go(self) -> None:
        if self._tasks:
            # Most are done in a moment; whoever hangs is not waited for.
            await asyncio.wait(set(self._tasks), timeout=_GRACE_S)
        for task in self._tasks:
            task.cancel()
        ids = [one.delivery_id for one in self._until]
        await self.idle()
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if ids:
            with suppress(DispatchError):
                await self._write(lambda connection: give_back(connection, ids))

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._store.read() as connection:
            return work(connection)

    async def _write(self, work: Callable[[Connection], T]) -> T:
        # Shielded: a write that was handed in is done, whoever waits for it or not.
        return await asyncio.shield(asyncio.wrap_future(self._store.submit(work)))


def _batches(taken: Sequence[Leased]) -> list[list[Leased]]:
    """What goes out together: a webhook alone, what a robot says as one."""
    batches: list[list[Leased]] = []
    together: dict[int, list[Leased]] = {}
    for one in taken:
        if one.to.kind == ReceiverKind.WEBHOOK:
            batches.append([one])
        else:
            together.setdefault(one.to.receiver_id, []).append(one)
    return batches + list(together.values())


class RelayThread:
    """A relay with an event loop and a thread of its own, beside a service."""

    def __init__(self, run: Callable[[asyncio.Event], Any]) -> None:
        """Set up.

        Args:
            run: A coroutine function that works until the event it is given is set.
        """
        self._run = run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._work, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; returns when it is under way."""
        self._thread.start()
        self._begun.wait()

    def stop(self, *, within_s: float = 10.0) -> None:
        """End: what is being sent is let go, and sent again by the next one."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(within_s)

    def _work(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        await self._run(self._stop)
