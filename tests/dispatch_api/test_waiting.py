"""Coroutines that wait for the store: told together, each its own, and whoever goes away harms nobody."""

from __future__ import annotations

import asyncio
import threading

import pytest
from test_store import note


def doubled(connection, numbers):
    if 13 in numbers:
        raise ValueError("thirteen")
    note(connection)
    return [2 * number for number in numbers]


class Gate:
    """Keeps the store's writer busy until it is opened."""

    def __init__(self, store) -> None:
        self._entered, self.open = threading.Event(), threading.Event()
        self.held = store.submit(self._hold)
        assert self._entered.wait(30)

    def _hold(self, _connection):
        self._entered.set()
        assert self.open.wait(30)


@pytest.mark.both_stores
def test_coroutines_of_one_batch_are_told_in_one_go_each_its_own(store):
    async def ask():
        loop = asyncio.get_running_loop()
        woken, plain = [], loop.call_soon_threadsafe

        def counted(*call, **more):
            woken.append(1)
            return plain(*call, **more)

        loop.call_soon_threadsafe = counted
        gate = Gate(store)
        waiting = [store.await_one_of(doubled, number) for number in range(40, 60)]
        gate.open.set()
        answers = [await one for one in waiting]
        return answers, len(woken)

    assert asyncio.run(ask()) == ([2 * number for number in range(40, 60)], 1)


@pytest.mark.both_stores
def test_an_error_reaches_the_coroutine_whose_it_is(store):
    async def ask():
        gate = Gate(store)
        waiting = [store.await_one_of(doubled, number) for number in (12, 13, 14)]
        gate.open.set()
        return await asyncio.gather(*(asyncio.ensure_future(_awaited(one)) for one in waiting), return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert (first, str(second), third) == (24, "thirteen", 28)


async def _awaited(waiting):
    return await waiting


def test_whoever_goes_away_meanwhile_leaves_the_writer_at_work(store):
    gate = Gate(store)

    async def ask_and_leave():
        task = asyncio.ensure_future(_awaited(store.await_one_of(doubled, 1)))
        await asyncio.sleep(0)
        task.cancel()
        # And this one's loop ends before it is told.
        store.await_one_of(doubled, 2)

    asyncio.run(ask_and_leave())
    called_off = store.submit(note)
    assert called_off.cancel()
    gate.open.set()
    # What coroutines handed in is done all the same; what a thread called off in time is not.
    assert store.write(note) == 2
    assert called_off.cancelled()
