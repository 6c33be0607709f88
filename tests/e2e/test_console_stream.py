"""A page that was cut off for longer than the stream is kept, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from console_town import Town, a_town, log_in
from playwright.sync_api import expect

from dispatch_api import stream
from dispatch_api.accounts.model import system_actor
from dispatch_api.retention.pruning import Pruner
from dispatch_api.retention.rules import load_retention
from dispatch_api.store.feed import append_feed

YEARS = timedelta(days=3650)


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("town")) as built:
        yield built


def test_a_page_that_was_cut_off_for_too_long_loads_everything_anew(visitor, city, monkeypatch):
    page = log_in(visitor(refusals={(410, "/api/v1/stream")}), "zhao")
    page.goto(f"{city.url}/inbox")
    expect(page.locator('.live[data-state="live"]')).to_be_attached()
    city.case("before-the-cut", -100, 50)
    tasks = page.locator("[data-task]")
    expect(tasks).to_have_count(1)

    # The service lets go of the stream, and lets nobody in again until all is over.
    over, plain = threading.Event(), stream._start

    def waits(*asked):
        assert over.wait(60)
        return plain(*asked)

    monkeypatch.setattr(stream, "_start", waits)
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if answer.url.endswith("/stream") else None)
    with monkeypatch.context() as cut:
        cut.setattr(stream, "_still_logged_in", lambda *_: False)
        with page.expect_request("**/api/v1/stream", timeout=60_000):
            pass
    city.case("while-cut-off", 300, 50)
    later = datetime.now(UTC) + YEARS
    city.store.write(
        lambda connection: append_feed(connection, kind="zones.changed", at=later, data={}, departments=None)
    )
    pruner = Pruner(city.store, load_retention(), now=lambda: later)
    assert pruner.prune(by=system_actor("test")).feed > 0
    expect(tasks).to_have_count(1)
    over.set()
    expect(tasks).to_have_count(2, timeout=60_000)
    assert answers == [410, 200]
    # And it goes on live from there.
    city.case("after-it-came-back", 700, 50)
    expect(tasks).to_have_count(3)
