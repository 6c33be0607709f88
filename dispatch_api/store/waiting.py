"""Who waits for a change to be on disk: a thread, or a coroutine.

The writer's thread and an event loop share one interpreter: each time that one of them wakes the other it may have to
give it up. So all coroutines whose changes came to disk together are told in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class InLoop(Generic[T]):
    """What a coroutine awaits; it is made in the coroutine's loop, and told by another thread.

    What was handed in is done, whether somebody still waits for it or not.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._told: asyncio.Future[T] = self.loop.create_future()

    def __await__(self) -> Generator[Any, None, T]:
        return self._told.__await__()

    def set_exception(self, error: BaseException) -> None:
        """Tell that the change was not made, from another thread."""
        _call(self.loop, self.settle, None, error)

    def settle(self, result: T | None, error: BaseException | None = None) -> None:
        """Tell what became of the change, in the loop."""
        if self._told.done():
            return
        if error is not None:
            self._told.set_exception(error)
        else:
            self._told.set_result(result)  # type: ignore[arg-type]  # T may be None


Waiting = Future[T] | InLoop[T]
"""The change of one caller, told by `tell` or `set_exception`."""


def is_wanted(waiting: Waiting[Any]) -> bool:
    """Whether to begin with a change; from now on it cannot be called off."""
    return isinstance(waiting, InLoop) or waiting.set_running_or_notify_cancel()


def tell_failed(waiting: Waiting[Any], error: BaseException) -> None:
    """Tell a caller that its change was not made, unless it has been told something already."""
    if isinstance(waiting, InLoop) or not waiting.done():
        waiting.set_exception(error)


def tell(done: Iterable[tuple[Waiting[Any], Any]]) -> None:
    """Tell callers what became of their changes."""
    in_loops: dict[asyncio.AbstractEventLoop, list[tuple[InLoop[Any], Any]]] = {}
    for waiting, result in done:
        if isinstance(waiting, InLoop):
            in_loops.setdefault(waiting.loop, []).append((waiting, result))
        else:
            waiting.set_result(result)
    for loop, told in in_loops.items():
        _call(loop, _settle, told)


def _settle(told: list[tuple[InLoop[Any], Any]]) -> None:
    for waiting, result in told:
        waiting.settle(result)


def _call(loop: asyncio.AbstractEventLoop, function: Any, *values: Any) -> None:  # noqa: ANN401 - passed on
    # A loop that has ended takes nothing more, and nobody waits in it.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *values)
