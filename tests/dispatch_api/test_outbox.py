"""What is told of a change is written with it, for those whom it concerns, and with no more than they need."""

from __future__ import annotations

import json

import pytest
from dispatch_builders import NOON, an_observation, north_of
from sqlalchemy import insert, select

from dispatch_api.deliveries.outbox import MAX_DATA_BYTES, is_meant, post
from dispatch_api.store.schema import delivery, message, receiver

pytestmark = pytest.mark.both_stores


def a_receiver(store, name: str, **columns) -> int:
    values = {
        "name": name,
        "kind": "webhook",
        "url": "https://drainage.test/hook",
        "secrets": [],
        "created_at": NOON,
        "created_by": "test",
        "failures": 0,
        "recent": [],
        **columns,
    }
    return store.write(lambda connection: connection.execute(insert(receiver), values).inserted_primary_key[0])


def told(store, receiver_id: int | None = None) -> list[tuple[str, dict]]:
    query = select(message.c.type, message.c.body).order_by(message.c.message_id)
    if receiver_id is not None:
        query = query.join(delivery).where(delivery.c.receiver_id == receiver_id)
    with store.read() as connection:
        return [(row.type, json.loads(row.body)) for row in connection.execute(query)]


def a_post(connection, **changes) -> str:
    words = {
        "type": "task.dispatched.v1",
        "subject": "tasks/1",
        "case_id": None,
        "departments": ["drainage"],
        "colour": "red",
        "at": NOON,
        "data": {"number": "1"},
    }
    return post(connection, **(words | changes))


def test_each_receiver_gets_what_concerns_its_departments_and_no_other(store, intake):
    whole_city = a_receiver(store, "centre", departments=None)
    drainage = a_receiver(store, "drainage", departments=["drainage"])
    sanitation = a_receiver(store, "sanitation", departments=["sanitation"])
    only_refusals = a_receiver(store, "refusals", types=["task.refused.v1"])
    gone = a_receiver(store, "gone", disabled_at=NOON)
    recorded = intake.record(an_observation())
    everything = told(store, whole_city)
    assert sorted(kind for kind, _ in everything) == ["case.opened.v1"] + ["task.dispatched.v1"] * len(recorded.tasks)
    assert [(kind, data["department"]) for kind, data in told(store, drainage)] == [("task.dispatched.v1", "drainage")]
    assert told(store, sanitation) == told(store, only_refusals) == told(store, gone) == []


def test_a_message_names_the_place_and_the_deadline_but_no_position(store, intake):
    receiver_id = a_receiver(store, "drainage", departments=["drainage"])
    recorded = intake.record(an_observation())
    [(_, data)] = told(store, receiver_id)
    assert data["number"] == recorded.case_number
    assert data["link"] == f"/cases/{recorded.case_id}"
    assert (data["place"], data["matter"]) == ("人民路 12 号附近", "waterlogging.road")
    assert data["deadline_at"].endswith("Z")
    assert not {"lon", "lat", "footprint", "thumbnail_url", "geometry"} & set(data)
    assert "118.8" not in json.dumps(data)


def test_a_change_that_is_taken_back_is_told_to_nobody(store):
    a_receiver(store, "centre")

    def fails(connection) -> None:
        a_post(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(fails)
    kept = store.write(a_post)
    with store.read() as connection:
        assert connection.execute(select(message.c.message_id)).scalars().all() == [kept]
        assert connection.execute(select(delivery.c.message_id)).scalars().all() == [kept]


def test_the_way_of_a_case_is_told_step_by_step(store, intake, browser):
    recorded = intake.record(an_observation())
    lead = next(task for task in recorded.tasks if task.department == "drainage")
    drainer, chief = browser("drainer"), browser("chief")
    for to in ("signed", "working", "done"):
        assert drainer.post(f"/api/v1/tasks/{lead.task_id}/transitions", {"to": to}).status_code == 200
    moved = chief.post(f"/api/v1/cases/{recorded.case_id}/transitions", {"to": "reworked", "reason": "还有水"})
    assert moved.status_code == 200, moved.text
    of_lead = [kind for kind, data in told(store) if data.get("task_id") in {lead.task_id, None}]
    assert of_lead == [
        "case.opened.v1",
        "task.dispatched.v1",
        "task.signed.v1",
        "task.done.v1",
        "case.reopened.v1",
        "task.rework.v1",
    ]
    reopened = next(data for kind, data in told(store) if kind == "case.reopened.v1")
    assert (reopened["from_state"], reopened["state"], reopened["reason"]) == ("pending_verify", "reworked", "还有水")


def test_a_rejection_a_merge_and_its_undoing_are_told(store, intake, browser):
    first = intake.record(an_observation(confidence=0.3))
    second = intake.record(an_observation(confidence=0.3, lonlat=north_of(60)))
    chief = browser("chief")
    for case_id, change in (
        (second.case_id, {"to": "merged", "duplicate_of": first.case_id}),
        (second.case_id, {"to": "pending_review", "reason": "不是同一处"}),
        (first.case_id, {"to": "rejected", "reason": "阴影"}),
    ):
        assert chief.post(f"/api/v1/cases/{case_id}/transitions", change).status_code == 200
    seen = told(store)
    assert [kind for kind, _ in seen] == ["case.merged.v1", "case.reopened.v1", "detection.rejected.v1"]
    assert seen[0][1]["duplicate_of"] == first.case_id


def test_data_too_long_to_be_sent_and_a_type_of_another_form_are_refused(store):
    with pytest.raises(ValueError, match="more than 16000"):
        store.write(lambda connection: a_post(connection, data={"text": "水" * (MAX_DATA_BYTES // 3)}))
    with pytest.raises(ValueError, match="write it like"):
        store.write(lambda connection: a_post(connection, type="Task"))


def test_a_group_of_types_may_be_asked_for_by_its_beginning():
    assert is_meant("task.signed.v1", [], of_departments=None, of_types=["task."])
    assert not is_meant("task.signed.v1", [], of_departments=None, of_types=["task", "case."])
    assert not is_meant("task.signed.v1", [], of_departments=[], of_types=None)
