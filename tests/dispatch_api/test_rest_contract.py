"""The contract of the REST API, spoken over HTTP."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from dispatch_builders import a_zone, an_observation, north_of, some_evidence
from dispatch_client import Browser
from dispatch_people import PASSWORD
from sqlalchemy import select

from dispatch_api.store.schema import metadata
from geo.map_links import map_links

SOURCE_ZONE = a_zone(kind="reservoir_protection_1", code="S1", name="黄沙水库一级保护区")


def move_task(browser, task_id, to, **more):
    return browser.post(f"/api/v1/tasks/{task_id}/transitions", {"to": to, **more})


def move_case(browser, case_id, to, **more):
    return browser.post(f"/api/v1/cases/{case_id}/transitions", {"to": to, **more})


def lead_task_id(recorded):
    return next(task.task_id for task in recorded.tasks if task.kind == "lead")


def test_a_puddle_goes_from_dispatch_to_closure_through_the_api(intake, browser, tmp_path):
    recorded = intake.record(an_observation(evidence=(some_evidence(tmp_path),)))
    drainer, chief = browser("drainer"), browser("chief")
    task_id = lead_task_id(recorded)

    assert [task["task_id"] for task in drainer.json("/api/v1/tasks")["items"]] == [task_id]
    for to in ("signed", "working", "done"):
        assert move_task(drainer, task_id, to).status_code == 200
    assert chief.json(f"/api/v1/cases/{recorded.case_id}")["state"] == "pending_verify"

    closed = move_case(chief, recorded.case_id, "closed", reason="on-site photo")
    assert closed.status_code == 200
    assert closed.json()["state"] == "closed"
    assert chief.json(f"/api/v1/tasks/{task_id}")["state"] == "accepted"
    kinds = [event["kind"] for event in closed.json()["events"]]
    assert kinds[0] == "case.detected"
    assert [kind for kind in kinds if kind.startswith("case.")] == [
        "case.detected",
        "case.opened",
        "case.dispatched",
        "case.in_progress",
        "case.reported_done",
        "case.pending_verify",
        "case.closed",
    ]


def test_an_illegal_change_is_answered_with_409_and_the_allowed_ones_and_changes_nothing(intake, browser):
    recorded = intake.record(an_observation())
    chief = browser("chief")
    before = chief.json(f"/api/v1/cases/{recorded.case_id}")

    answer = move_case(chief, recorded.case_id, "closed", reason="I say so")

    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:flyonce:problem:illegal-transition"
    assert problem["current"] == "dispatched"
    assert problem["allowed"] == []
    assert chief.json(f"/api/v1/cases/{recorded.case_id}") == before


def test_a_red_case_waits_for_a_person_who_opens_it_and_routing_names_the_lead(intake, browser):
    recorded = intake.record(an_observation(matter="fishing.reservoir", label="person", zones=(SOURCE_ZONE,)))
    assert (recorded.state, recorded.tasks) == ("pending_review", ())
    chief = browser("chief")
    assert [step["to"] for step in chief.json(f"/api/v1/cases/{recorded.case_id}")["allowed"]] == [
        "opened",
        "rejected",
        "merged",
    ]

    opened = move_case(chief, recorded.case_id, "opened").json()

    assert opened["state"] == "dispatched"
    assert {(task["department"], task["kind"]) for task in opened["tasks"]} == {
        ("ecology", "lead"),
        ("reservoir_manager", "co"),
        ("town_enforcement", "co"),
    }
    assert opened["rule"]["id"] == "fishing.first_class_source"
    assert "第六十五条" in opened["rule"]["basis"]


def test_the_map_shows_each_case_with_its_error_and_picture(intake, browser, tmp_path):
    footprint = tuple(north_of(n, east_m=e) for n, e in ((0, 0), (0, 4), (4, 4), (4, 0)))
    recorded = intake.record(
        an_observation(footprint_lonlat=footprint, extent_m2=16.0, evidence=(some_evidence(tmp_path),), sigma_m=2.0)
    )
    collection = browser("pilot").json("/api/v1/cases.geojson")
    (feature,) = collection["features"]
    properties = feature["properties"]
    assert properties["case_id"] == recorded.case_id
    assert properties["error"] == {"major_m": 2.0, "minor_m": 2.0, "azimuth_deg": properties["error"]["azimuth_deg"]}
    assert len(properties["ellipse95"]["coordinates"][0]) == 37
    assert properties["footprint"]["coordinates"][0][0] == properties["footprint"]["coordinates"][0][-1]
    picture = browser("pilot").get(properties["thumbnail_url"])
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"
    assert collection["feed_id"] > 0


def test_a_case_and_its_task_link_to_web_maps_in_their_coordinates_and_nothing_shifted_is_kept(intake, browser, store):
    recorded = intake.record(an_observation())
    detail = browser("chief").json(f"/api/v1/cases/{recorded.case_id}")
    task = browser("drainer").json(f"/api/v1/tasks/{lead_task_id(recorded)}")
    expected = map_links(detail["lon"], detail["lat"], detail["matter_zh"])
    assert detail["map_links"] == task["map_links"] == expected

    shifted_lon = parse_qs(urlsplit(expected["amap"]).query)["position"][0].split(",")[0]
    with store.read() as connection:
        rows = [row for table in metadata.sorted_tables for row in connection.execute(select(table))]
    kept = "\n".join(map(str, rows))
    assert str(detail["lon"]) in kept
    assert shifted_lon[:-1] not in kept


def test_filters_choose_cases_by_place_state_matter_and_colour(intake, browser):
    near = intake.record(an_observation())
    far = intake.record(an_observation(lonlat=north_of(500), extent_m2=30.0))
    pilot = browser("pilot")

    def numbers(**wanted):
        return {item["number"] for item in pilot.json("/api/v1/cases", **wanted)["items"]}

    assert numbers() == {near.case_number, far.case_number}
    assert numbers(colour="yellow") == {far.case_number}
    west, south = north_of(-50, east_m=-50)
    east, north = north_of(50, east_m=50)
    assert numbers(bbox=f"{west},{south},{east},{north}") == {near.case_number}
    assert numbers(state="closed") == set()
    assert numbers(matter="dumping.household") == set()
    assert pilot.get("/api/v1/cases", bbox="1,2,3").status_code == 422


def test_a_long_list_comes_in_pages(intake, browser):
    numbers = [intake.record(an_observation(lonlat=north_of(100 * n))).case_number for n in range(5)]
    pilot = browser("pilot")
    first = pilot.json("/api/v1/cases", limit=2)
    second = pilot.json("/api/v1/cases", limit=2, cursor=first["next"])
    third = pilot.json("/api/v1/cases", limit=2, cursor=second["next"])
    assert [item["number"] for page in (first, second, third) for item in page["items"]] == numbers[::-1]
    assert third["next"] is None


def test_an_unknown_address_of_the_api_is_a_problem_and_any_other_one_is_the_console(browser):
    somebody = browser(None)
    assert somebody.get("/api/v1/nonsense").status_code == 404
    assert somebody.get("/api/v1/nonsense").headers["content-type"] == "application/problem+json"
    page = somebody.get("/cases/42")
    assert page.headers["content-type"].startswith("text/html")
    assert somebody.get("/healthz").json() == {"status": "ok"}
    assert somebody.get("/readyz").json() == {"status": "ready"}


def test_every_answer_carries_the_security_headers(browser):
    for path in ("/", "/api/v1/session", "/healthz"):
        headers = browser(None).get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_a_defect_is_answered_as_a_problem_without_its_inner_words(app, browser, intake, monkeypatch):
    recorded = intake.record(an_observation())
    monkeypatch.setattr("dispatch_api.cases.routes.case_detail", lambda *_, **__: 1 / 0)
    chief = browser("chief")
    with pytest.raises(ZeroDivisionError):
        chief.get(f"/api/v1/cases/{recorded.case_id}")
    quiet = Browser(app, raise_defects=False)
    quiet.log_in("chief", PASSWORD)
    answer = quiet.get(f"/api/v1/cases/{recorded.case_id}")
    quiet.close()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "division" not in answer.text


def test_a_body_that_makes_no_sense_names_the_field(intake, browser):
    recorded = intake.record(an_observation())
    chief = browser("chief")
    path = f"/api/v1/cases/{recorded.case_id}/transitions"
    for body, field in (({}, "body.to"), ({"to": "closed", "other": 1}, "body.other"), ({"to": 5}, "body.to")):
        answer = chief.post(path, body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert chief.get("/api/v1/tasks/abc").json()["field"] == "path.task_id"
