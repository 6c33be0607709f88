"""Orders to a flight under way, from any thread: pause, resume, return home."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from concurrent.futures import Future
from enum import StrEnum

from flightplan.errors import NotNow


class Order(StrEnum):
    """What may be asked of a flight."""

    PAUSE = "pause"
    RESUME = "resume"
    RETURN_HOME = "rtl"


class FlightControl:
    """Hands orders to the flight that it was given to; each returns a future that ends when the vehicle has obeyed.

    The future's exception is a `LinkError` when the vehicle refused or did not answer, `NotNow` when the order makes
    no sense at that moment.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Order, Future[None]]] = queue.SimpleQueue()

    def give(self, order: Order) -> Future[None]:
        """Gives an order."""
        done: Future[None] = Future()
        self._orders.put((order, done))
        return done

    def pause(self) -> Future[None]:
        """Stop, and hold; photos stop too."""
        return self.give(Order.PAUSE)

    def resume(self) -> Future[None]:
        """Fly back to where it was broken off, and on from there, with photos if they were being taken."""
        return self.give(Order.RESUME)

    def return_home(self) -> Future[None]:
        """Break off, fly home and land."""
        return self.give(Order.RETURN_HOME)

    def next_order(self) -> tuple[Order, Future[None]] | None:
        """The oldest order that was not taken or cancelled yet; for the flight."""
        while True:
            try:
                order, done = self._orders.get_nowait()
            except queue.Empty:
                return None
            if done.set_running_or_notify_cancel():
                return order, done

    @contextlib.contextmanager
    def until_the_end(self) -> Iterator[None]:
        """Whoever still waits for an order when the context ends, however it does, is told that it is too late."""
        try:
            yield
        finally:
            while (given := self.next_order()) is not None:
                given[1].set_exception(NotNow("the vehicle has landed, or the flight is not followed any more"))
