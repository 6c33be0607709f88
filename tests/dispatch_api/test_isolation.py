"""A department sees its own tasks and their cases, and nothing else, on every route."""

from __future__ import annotations

import pytest
from dispatch_builders import an_observation, north_of, some_evidence

from dispatch_api.flights import FlightDesk


@pytest.fixture
def town(store, intake, tmp_path):
    """One puddle (drainage leads) and one heap (sanitation leads), each with its picture, and a flight."""
    FlightDesk(store).start("flight-1", "晨巡", [north_of(0), north_of(100)])
    puddle = intake.record(an_observation(evidence=(some_evidence(tmp_path, name="p.jpg", colour=(1, 2, 3)),)))
    heap = intake.record(
        an_observation(
            matter="dumping.construction",
            lonlat=north_of(200),
            evidence=(some_evidence(tmp_path, name="h.jpg", colour=(4, 5, 6)),),
        )
    )
    pending = intake.record(an_observation(lonlat=north_of(400), confidence=0.2))
    return {"puddle": puddle, "heap": heap, "pending": pending}


def lead_of(recorded):
    return next(task.task_id for task in recorded.tasks if task.kind == "lead")


def test_lists_maps_and_counts_hold_only_what_is_its_own(town, browser):
    drainer = browser("drainer")
    puddle = town["puddle"].case_id
    assert [item["case_id"] for item in drainer.json("/api/v1/cases")["items"]] == [puddle]
    assert [f["id"] for f in drainer.json("/api/v1/cases.geojson")["features"]] == [puddle]
    assert {item["department"] for item in drainer.json("/api/v1/tasks")["items"]} == {"drainage"}
    assert drainer.json("/api/v1/tasks", department="town")["items"] == []
    summary = drainer.json("/api/v1/summary")
    assert summary["cases_by_state"] == {"dispatched": 1}
    assert summary["tasks_by_department"] == {"drainage": 1}
    assert (sum(summary["open_by_colour"].values()), set(summary["open_by_matter"])) == (1, {"waterlogging.road"})
    assert summary["matter_names"] == {"waterlogging.road": {"zh": "道路积水", "en": "Waterlogged road"}}
    assert summary["flights"] == 0
    assert drainer.json("/api/v1/flights")["items"] == []

    chief = browser("chief")
    assert len(chief.json("/api/v1/cases")["items"]) == 3
    whole = chief.json("/api/v1/summary")
    assert whole["tasks_by_department"]["enforcement"] == 1
    assert sum(whole["open_by_matter"].values()) == sum(whole["open_by_colour"].values()) == 3
    assert [flight["flight_id"] for flight in chief.json("/api/v1/flights")["items"]] == ["flight-1"]


def test_a_foreign_case_task_picture_or_flight_looks_like_none_at_all(town, browser):
    drainer, chief = browser("drainer"), browser("chief")
    foreign = town["heap"].case_id
    picture = chief.json(f"/api/v1/cases/{foreign}")["evidence"][0]
    addresses = [
        f"/api/v1/cases/{foreign}",
        f"/api/v1/cases/{town['pending'].case_id}",
        f"/api/v1/tasks/{lead_of(town['heap'])}",
        picture["thumbnail_url"],
        picture["full_url"],
        f"/api/v1/evidence/{picture['original_sha256']}/full",
        "/api/v1/flights/flight-1",
        "/api/v1/flights/flight-1/photos.geojson",
    ]
    for address in addresses:
        assert chief.get(address).status_code == 200, address
        answer = drainer.get(address)
        assert answer.status_code == 404, address
        assert answer.json()["type"].endswith("not-found")
    own = drainer.json(f"/api/v1/cases/{town['puddle'].case_id}")["evidence"][0]
    assert drainer.get(own["full_url"]).status_code == 200
    assert drainer.get(f"/api/v1/evidence/{own['original_sha256']}/full", case=foreign).status_code == 404


def test_a_foreign_task_or_case_cannot_be_moved(town, browser):
    drainer, chief = browser("drainer"), browser("chief")
    task_id = lead_of(town["heap"])
    before = chief.json(f"/api/v1/tasks/{task_id}")
    assert drainer.post(f"/api/v1/tasks/{task_id}/transitions", {"to": "signed"}).status_code == 404
    answer = drainer.post(f"/api/v1/cases/{town['heap'].case_id}/transitions", {"to": "closed", "reason": "x"})
    assert answer.status_code == 404
    own = drainer.post(f"/api/v1/cases/{town['puddle'].case_id}/transitions", {"to": "in_progress"})
    assert own.status_code == 403
    assert chief.json(f"/api/v1/tasks/{task_id}") == before


def test_on_its_own_case_a_department_does_not_see_what_others_do(town, browser):
    drainer, towner = browser("drainer"), browser("towner")
    case_id = town["puddle"].case_id
    tasks = {task["department"] for task in browser("chief").json(f"/api/v1/cases/{case_id}")["tasks"]}
    assert tasks == {"drainage", "town", "traffic_police", "emergency"}
    (task,) = drainer.json(f"/api/v1/cases/{case_id}")["tasks"]
    assert drainer.post(f"/api/v1/tasks/{task['task_id']}/transitions", {"to": "signed"}).status_code == 200

    seen = towner.json(f"/api/v1/cases/{case_id}")
    assert [task["department"] for task in seen["tasks"]] == ["town"]
    own_task = seen["tasks"][0]["task_id"]
    assert {event["task_id"] for event in seen["events"]} == {None, own_task}
    assert "drainer" not in {event["who"] for event in seen["events"]}
    assert "suggestions" not in seen


def test_two_cases_in_one_picture_are_each_drawn_for_their_own_department(intake, browser, tmp_path):
    from dataclasses import replace

    from dispatch_builders import a_jpeg

    shared = some_evidence(tmp_path)
    puddle = intake.record(an_observation(evidence=(shared,)))
    other = replace(shared, annotated_jpeg=a_jpeg((0, 0, 255)))
    heap = intake.record(an_observation(matter="dumping.construction", lonlat=north_of(50), evidence=(other,)))
    chief = browser("chief")
    first = chief.json(f"/api/v1/cases/{puddle.case_id}")["evidence"][0]
    second = chief.json(f"/api/v1/cases/{heap.case_id}")["evidence"][0]
    assert first["original_sha256"] == second["original_sha256"]
    assert chief.get(first["annotated_url"]).content == shared.annotated_jpeg
    assert chief.get(second["annotated_url"]).content == other.annotated_jpeg
    drainer = browser("drainer")
    assert drainer.get(second["annotated_url"]).status_code == 404
    plain = drainer.get(f"/api/v1/evidence/{first['original_sha256']}/annotated")
    assert plain.content == shared.annotated_jpeg


def test_a_task_that_is_handed_on_is_seen_by_the_one_who_takes_it(town, browser):
    drainer, sanitary = browser("drainer"), browser("sanitary")
    task_id = lead_of(town["puddle"])
    change = {"to": "handed_on", "reason": "a private yard", "department": "sanitation"}
    assert sanitary.json("/api/v1/tasks", state="sent")["items"][0]["case_id"] == town["heap"].case_id
    assert drainer.post(f"/api/v1/tasks/{task_id}/transitions", change).status_code == 200
    taken = [task for task in sanitary.json("/api/v1/tasks")["items"] if task["case_id"] == town["puddle"].case_id]
    assert [(task["kind"], task["state"]) for task in taken] == [("lead", "sent")]


def test_the_zones_are_for_everybody_who_is_logged_in(store, browser):
    from dispatch_api.flights import ZoneDesk

    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        "properties": {"kind": "grid", "code": "G1", "name": "一号"},
    }
    ZoneDesk(store).replace([feature])
    assert browser("drainer").json("/api/v1/zones.geojson")["features"] == [feature]
    assert browser(None).get("/api/v1/zones.geojson").status_code == 401
