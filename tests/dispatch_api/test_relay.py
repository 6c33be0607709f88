"""The relay against real receivers that fail, hang, redirect, flood, go away and come back."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from loopback_receivers import (
    BY,
    Clock,
    LoopbackReceiver,
    Reply,
    a_desk,
    a_free_port,
    a_message,
    add_receiver,
    delivering,
    send_all,
)
from sqlalchemy import insert, select
from standardwebhooks.webhooks import Webhook

from dispatch_api.deliveries.desk import DeliveryDesk
from dispatch_api.deliveries.leasing import _IDS, _READY, lease
from dispatch_api.deliveries.relay import Pace
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.store.history import verify_history
from dispatch_api.store.schema import delivery, delivery_attempt, message

pytestmark = pytest.mark.both_stores


@pytest.fixture
def receiver():
    """A function that opens real receivers, closed at the end."""
    opened: list[LoopbackReceiver] = []

    def make(*args, **kwargs) -> LoopbackReceiver:
        opened.append(LoopbackReceiver(*args, **kwargs))
        return opened[-1]

    yield make
    for one in opened:
        one.let_go.set()
        one.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rows(store):
    with store.read() as connection:
        return connection.execute(select(delivery).order_by(delivery.c.delivery_id)).all()


def shown(store, name: str) -> dict:
    return next(row for row in a_desk(store).listed() if row["name"] == name)


def plan_of(connection, query, values) -> str:
    """How the database finds the rows of a query."""
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    bound = compiled.construct_params(values)
    parameters = tuple(str(bound[name]) for name in compiled.positiontup) if compiled.positional else bound
    return str(connection.exec_driver_sql(explain + compiled.string, parameters).all())


def test_a_message_arrives_as_a_cloud_event_that_an_independent_library_verifies(store, receiver):
    hook = receiver()
    secret = add_receiver(store, "drainage", hook.url)
    clock = Clock(datetime.now(UTC))
    message_id = a_message(store, clock())
    assert send_all(delivering(store, clock)) == 1
    [got] = hook.got
    event = Webhook(secret).verify(got.body, got.headers)
    assert event["specversion"] == "1.0"
    assert event["id"] == got.message_id == message_id
    assert (event["type"], event["subject"]) == ("cn.flyonce.task.dispatched.v1", "tasks/1")
    assert (event["source"], event["datacontenttype"]) == ("urn:flyonce:city", "application/json")
    assert event["data"]["place"] == "人民路"
    assert got.headers["content-type"].startswith("application/cloudevents+json")
    assert len(got.body) < 20_000
    [row] = rows(store)
    assert (row.state, row.attempts, row.last_status, row.leased_until) == ("delivered", 1, 204, None)
    assert send_all(delivering(store, clock)) == 0


def test_a_failure_is_tried_again_at_the_times_of_the_schedule_and_under_the_same_id(store, receiver, clock):
    hook = receiver(lambda n, got: Reply(status=500) if n < 4 else Reply())
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    service = delivering(store, clock)
    for wait_s in (0, 5, 300, 1800):
        clock.forward(seconds=wait_s - 1)
        assert send_all(service) == 0
        clock.forward(seconds=1)
        assert send_all(service) == 1
    assert len(set(hook.ids())) == 1
    [row] = rows(store)
    assert (row.state, row.attempts, row.last_error) == ("delivered", 4, None)
    assert [one["status"] for one in DeliveryDesk(store).one(row.delivery_id)["made"]] == [204, 500, 500, 500]


def test_what_fails_to_the_end_is_dead_is_listed_and_is_sent_again_by_hand(store, receiver, clock):
    healthy = threading.Event()
    hook = receiver(lambda n, got: Reply() if healthy.is_set() else Reply(status=503))
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    service = delivering(store, clock, schedule=Schedule(jitter=0.0, waits_s=(0, 5, 60)))
    for _ in range(3):
        send_all(service)
        clock.forward(minutes=20)
    desk = DeliveryDesk(store, now=clock)
    [dead] = desk.page(states=["dead"])["items"]
    assert (dead["attempts"], dead["last_error"], dead["receiver"]) == (3, "answered 503", "drainage")
    assert shown(store, "drainage")["dead"] == 1
    assert send_all(service) == 0
    healthy.set()
    assert desk.replay(dead["delivery_id"], by=BY)["state"] == "pending"
    assert send_all(service) == 1
    assert desk.one(dead["delivery_id"])["state"] == "delivered"
    assert len(set(hook.ids())) == 1
    with store.read() as connection:
        assert verify_history(connection) > 0


def test_a_receiver_away_for_ten_minutes_gets_everything_soon_after_it_is_back(store, receiver, clock):
    port = a_free_port()
    add_receiver(store, "drainage", f"http://127.0.0.1:{port}/hook")
    sent = [a_message(store, clock(), number=str(n)) for n in range(20)]
    service = delivering(store, clock)
    for _ in range(30):
        send_all(service)
        clock.forward(seconds=20)
    tried = sum(row.attempts for row in rows(store))
    assert 5 <= tried <= 40, "the circuit was open most of the time"
    assert {row.state for row in rows(store)} == {"pending"}
    hook = receiver()
    hook.stop()
    hook.port = port
    hook.start()
    came_back_at = clock()
    while any(row.state == "pending" for row in rows(store)):
        clock.forward(seconds=30)
        send_all(service)
        assert clock() - came_back_at < timedelta(minutes=11)
    assert sorted(hook.ids()) == sorted(sent)
    assert shown(store, "drainage")["failures"] == 0


def test_gone_for_good_disables_a_receiver_and_keeps_what_waits(store, receiver, clock):
    hook = receiver(lambda n, got: Reply(status=410))
    add_receiver(store, "drainage", hook.url)
    for n in range(3):
        a_message(store, clock(), number=str(n))
    service = delivering(store, clock, pace=Pace(per_receiver=1))
    send_all(service)
    assert len(hook.got) == 1
    row = shown(store, "drainage")
    assert (row["enabled"], row["waiting"], row["dead"]) == (False, 2, 1)
    assert "410" in row["disabled_why"]
    hook.answer = lambda n, got: Reply()
    a_desk(store, clock).enable("drainage", by=BY)
    assert send_all(service) == 2


@pytest.mark.parametrize(("status", "retry_after", "pause_s"), [(429, "120", 120), (502, None, 30), (504, None, 30)])
def test_a_receiver_that_asks_for_less_is_left_alone_as_long_as_it_asks(
    store, receiver, clock, status, retry_after, pause_s
):
    headers = {"Retry-After": retry_after} if retry_after else {}
    hook = receiver(lambda n, got: Reply(status=status, headers=headers) if n == 1 else Reply())
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    service = delivering(store, clock)
    send_all(service)
    other = a_message(store, clock(), number="2")
    clock.forward(seconds=pause_s - 1)
    assert send_all(service) == 0
    clock.forward(seconds=1)
    assert send_all(service) == 2
    assert other in hook.ids()


def test_redirects_are_not_followed(store, receiver, clock):
    elsewhere = receiver()
    hook = receiver(lambda n, got: Reply(status=307, headers={"Location": elsewhere.url}))
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    send_all(delivering(store, clock))
    assert elsewhere.got == []
    [row] = rows(store)
    assert (row.state, row.last_status) == ("pending", 307)
    assert "redirects are not followed" in row.last_error


def test_a_hundred_megabytes_of_an_answer_are_not_read(store, receiver, clock):
    hook = receiver(lambda n, got: Reply(status=200, megabytes=100))
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    send_all(delivering(store, clock))
    assert [row.state for row in rows(store)] == ["delivered"]
    assert hook.sent_bytes < 50 << 20


def test_a_receiver_that_hangs_delays_nobody(store, receiver, clock):
    hanging, quick = receiver(lambda n, got: Reply(hang=True)), receiver()
    add_receiver(store, "hanging", hanging.url, departments=("drainage",))
    add_receiver(store, "quick", quick.url, departments=("town",))
    for department in ("drainage", "town"):
        for n in range(40):
            a_message(store, clock(), number=str(n), departments=[department])
    service = delivering(store, clock, timeout_s=30.0, pace=Pace(poll_s=0.02))

    async def work() -> int:
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        while not all(row.state == "delivered" for row in await asyncio.to_thread(rows, store) if row.receiver_id == 2):
            await asyncio.sleep(0.02)
        still_hanging = hanging.at_once
        stop.set()
        await running
        return still_hanging

    assert 1 <= asyncio.run(asyncio.wait_for(work(), 60)) <= 4, "requests to it were under way all the time"
    assert len(quick.got) == 40
    assert {(row.state, row.attempts, row.leased_until) for row in rows(store) if row.receiver_id == 1} == {
        ("pending", 0, None)
    }


def test_a_receiver_that_hangs_is_given_up_in_time(store, receiver, clock):
    hook = receiver(lambda n, got: Reply(hang=True))
    add_receiver(store, "hanging", hook.url)
    a_message(store, clock())
    send_all(delivering(store, clock, timeout_s=1.0))
    [row] = rows(store)
    assert (row.state, row.attempts, row.last_error) == ("pending", 1, "no answer within 1 s")


def test_no_delivery_is_sent_by_two_relays_at_once(store, receiver, clock):
    hook = receiver()
    add_receiver(store, "drainage", hook.url)
    sent = [a_message(store, clock(), number=str(n)) for n in range(60)]

    async def work() -> None:
        stop = asyncio.Event()
        services = [delivering(store, clock, pace=Pace(poll_s=0.01, ahead=8)) for _ in range(3)]
        running = [asyncio.create_task(service.run(stop)) for service in services]
        while any(row.state == "pending" for row in await asyncio.to_thread(rows, store)):
            await asyncio.sleep(0.02)
        stop.set()
        await asyncio.gather(*running)

    asyncio.run(asyncio.wait_for(work(), 60))
    assert sorted(hook.ids()) == sorted(sent)
    with store.read() as connection:
        attempts = connection.execute(select(delivery_attempt.c.delivery_id)).scalars().all()
    assert len(attempts) == len(set(attempts)) == 60


def test_what_is_due_again_at_once_is_taken_again_without_a_hitch(store, receiver, clock, caplog):
    seen: set[str] = set()

    def once_in_vain(number: int, got) -> Reply:
        fresh = got.message_id not in seen
        seen.add(got.message_id)
        return Reply(status=500) if fresh else Reply()

    hook = receiver(once_in_vain)
    add_receiver(store, "drainage", hook.url)
    sent = [a_message(store, clock(), number=str(n)) for n in range(40)]
    at_once = Schedule(jitter=0.0, waits_s=(0,) * 9, breaks_after=1000)
    service = delivering(store, clock, schedule=at_once, pace=Pace(poll_s=0.01))

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        while any(row.state == "pending" for row in await asyncio.to_thread(rows, store)):
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(work(), 60))
    assert sorted(hook.ids()) == sorted(sent * 2)
    assert {(row.state, row.attempts) for row in rows(store)} == {("delivered", 2)}
    assert [record.message for record in caplog.records if record.name.startswith("dispatch_api")] == []


def test_a_lease_that_ran_out_is_taken_up_again(store, receiver, clock):
    hook = receiver()
    add_receiver(store, "drainage", hook.url)
    a_message(store, clock())
    until = clock() + timedelta(seconds=12)
    [taken] = store.write(lambda connection: lease(connection, {1: 10}, at=clock(), until=until))
    service = delivering(store, clock)
    assert send_all(service) == 0
    clock.forward(seconds=12)
    assert send_all(service) == 1
    assert hook.ids() == [taken.message.message_id]


def test_what_is_due_is_found_by_the_index_among_many_that_wait(store, clock):
    add_receiver(store, "drainage", "https://drainage.example/")
    message_id = a_message(store, clock())
    later = [
        {
            "message_id": f"later-{n}",
            "receiver_id": 1,
            "state": "pending",
            "attempts": 1,
            "next_at": clock() + timedelta(hours=1),
            "urgent": False,
        }
        for n in range(3000)
    ]
    words = {"type": "t", "subject": "s", "departments": [], "colour": "green", "at": clock(), "body": "{}"}

    def fill(connection) -> None:
        connection.execute(insert(message), [{**words, "message_id": one["message_id"]} for one in later])
        connection.execute(insert(delivery), later)

    store.write(fill)
    if store.url.startswith("postgresql"):
        store.write(lambda connection: connection.exec_driver_sql("ANALYZE delivery"))
    asked = {"now": clock(), "of_receiver": 1, "most": 8}
    with store.read() as connection:
        for query in (_READY, _IDS[True], _IDS[False]):
            assert "delivery_due" in plan_of(connection, query, asked)
    with store.read() as connection:
        [due] = connection.execute(_IDS[False], asked).scalars()
        found = connection.execute(select(delivery.c.message_id).where(delivery.c.delivery_id == due)).scalar_one()
    assert found == message_id


def test_red_goes_first(store, receiver, clock):
    hook = receiver()
    add_receiver(store, "drainage", hook.url)
    for n in range(10):
        a_message(store, clock(), number=str(n), colour="green")
    red = a_message(store, clock(), number="red", colour="red")
    send_all(delivering(store, clock, pace=Pace(per_receiver=1)))
    assert hook.ids()[0] == red
    assert len(hook.ids()) == 11


def test_a_secret_being_changed_signs_beside_the_new_one_and_then_no_more(store, receiver):
    hook = receiver()
    clock = Clock(datetime.now(UTC))
    old = add_receiver(store, "drainage", hook.url, clock)
    new = a_desk(store, clock).rotate("drainage", by=BY, overlap=timedelta(hours=1)).secret
    assert new != old
    service = delivering(store, clock)
    a_message(store, clock())
    send_all(service)
    for secret in (old, new):
        assert Webhook(secret).verify(hook.got[0].body, hook.got[0].headers)
    clock.forward(hours=2)
    a_message(store, clock())
    send_all(service)
    signatures = hook.got[1].headers["webhook-signature"].split()
    assert len(hook.got[0].headers["webhook-signature"].split()) == 2
    assert len(signatures) == 1
    # The library asks for the present time, so the signature is compared by the library's own hand.
    signed = Webhook(new).sign(hook.got[1].message_id, clock(), hook.got[1].body.decode())
    assert signatures == [signed]


def test_the_thread_beside_the_service_sends_and_ends_when_told(store, receiver):
    hook = receiver()
    add_receiver(store, "drainage", hook.url)
    sent = []
    arrived = time.monotonic() + 30
    with delivering(store, lambda: datetime.now(UTC), pace=Pace(poll_s=0.02)).thread() as thread:
        sent.append(a_message(store, datetime.now(UTC)))
        while not hook.got and time.monotonic() < arrived:
            time.sleep(0.01)
    assert hook.ids() == sent
    assert not thread._thread.is_alive()
