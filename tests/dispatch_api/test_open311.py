"""GeoReport v2: citizens report, and what they report meets the case that is there already."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import warnings
from datetime import timedelta
from io import BytesIO

import pytest
from dispatch_builders import HOME_LONLAT, a_zone, an_observation, north_of
from dispatch_client import Browser
from georeport import GeoReport
from georeport_schema import schema_of
from lxml import etree
from running_service import running
from sqlalchemy import func, select, update

from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.model import Scope, system_actor
from dispatch_api.app import create_app
from dispatch_api.cases.model import CaseState
from dispatch_api.doors.open311.report import without_private_numbers
from dispatch_api.doors.open311.views import CLOSED_STATES
from dispatch_api.store import open_store
from dispatch_api.store.schema import attempt, case, citizen_report, event, task
from dispatch_api.store.times import utc_now

ROOT = "/open311/v2"
PUDDLE = "waterlogging.road"


def now_seen(**changes):
    at = utc_now() - timedelta(minutes=5)
    return an_observation(first_seen_at=at, last_seen_at=at, **changes)


def at_place(lonlat=HOME_LONLAT, **more) -> dict[str, str]:
    lon, lat = lonlat
    return {"service_code": PUDDLE, "lat": str(lat), "long": str(lon), "description": "路口积水很深", **more}


def send(browser, form: dict[str, str], suffix: str = "json"):
    return browser._do(browser._client.post(f"{ROOT}/requests.{suffix}", data=form))


def reported(browser, **more) -> str:
    answer = send(browser, at_place(**more))
    assert answer.status_code == 200, answer.text
    return answer.json()[0]["service_request_id"]


def one(browser, request_id: str) -> dict:
    (found,) = browser.json(f"{ROOT}/requests/{request_id}.json")
    return found


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def case_of(store, request_id: str):
    with store.read() as connection:
        query = select(case).join(citizen_report, citizen_report.c.case_id == case.c.case_id)
        return connection.execute(query.where(citizen_report.c.request_id == request_id)).first()


@pytest.mark.both_stores
def test_a_report_meets_the_open_case_of_the_same_thing_and_makes_no_second_task(intake, store, browser):
    recorded = intake.record(now_seen())
    before = case_of_id(store, recorded.case_id)
    tasks = count(store, task)
    citizen = browser(None)

    ids = [reported(citizen, lonlat=north_of(metres, east_m=9)) for metres in (18, -25)]

    assert count(store, case) == 1
    assert count(store, task) == tasks
    after = case_of_id(store, recorded.case_id)
    assert (after.lon, after.lat, after.state, after.observations) == (before.lon, before.lat, before.state, 1)
    events = browser("chief").json(f"/api/v1/cases/{recorded.case_id}")["events"]
    assert [e["data"]["request_id"] for e in events if e["kind"] == "case.reported"] == ids
    found = one(citizen, ids[0])
    assert (found["status"], found["agency_responsible"], found["service_name"]) == ("open", "市政排水", "道路积水")
    assert found["description"] == "路口积水很深"


def case_of_id(store, case_id: str):
    with store.read() as connection:
        return connection.execute(select(case).where(case.c.case_id == case_id)).one()


@pytest.mark.both_stores
def test_a_report_of_what_nobody_saw_waits_for_a_person_and_a_second_one_joins_it(store, browser):
    citizen = browser(None)
    first = reported(citizen)
    second = reported(citizen, lonlat=north_of(10))
    row = case_of(store, first)
    assert (row.state, row.label, row.review_reasons) == (
        "pending_review",
        "citizen_report",
        ["below_auto_level", "required"],
    )
    assert case_of(store, second).case_id == row.case_id
    assert count(store, task) == 0
    assert 900 < row.cov_ee_m2 * 2.45**2 < 3600


def test_a_report_that_may_mean_either_of_two_cases_becomes_one_of_its_own_that_names_both(intake, store, browser):
    east, west = (intake.record(now_seen(lonlat=north_of(0, east_m=e))) for e in (12, -12))
    row = case_of(store, reported(browser(None)))
    assert row.state == "pending_review"
    assert {one["case_id"] for one in row.suggestions} == {east.case_id, west.case_id}


@pytest.mark.parametrize(
    "other",
    [{"matter": "dumping.household"}, {"lonlat": north_of(80)}, {"lonlat": north_of(0), "age": timedelta(hours=80)}],
    ids=["another family", "80 m away", "too long ago"],
)
def test_a_report_keeps_away_from_what_is_another_thing(intake, store, browser, other):
    at = utc_now() - other.pop("age", timedelta(minutes=1))
    recorded = intake.record(an_observation(first_seen_at=at, last_seen_at=at, **other))
    assert case_of(store, reported(browser(None))).case_id != recorded.case_id


def test_work_that_waits_for_proof_is_open_and_only_three_states_are_closed(intake, browser):
    recorded = intake.record(now_seen())
    citizen, drainer, chief = browser(None), browser("drainer"), browser("chief")
    request_id = reported(citizen)
    lead = next(task for task in recorded.tasks if task.kind == "lead")
    for to in ("signed", "working", "done"):
        assert drainer.post(f"/api/v1/tasks/{lead.task_id}/transitions", {"to": to}).status_code == 200
    assert one(citizen, request_id)["status"] == "open"
    answer = chief.post(f"/api/v1/cases/{recorded.case_id}/transitions", {"to": "closed", "reason": "现场照片"})
    assert answer.status_code == 200
    assert one(citizen, request_id)["status"] == "closed"
    assert {CaseState.CLOSED, CaseState.MERGED, CaseState.REJECTED} == CLOSED_STATES


def test_who_reported_is_for_the_centre_only_and_every_look_is_written_down(store, browser):
    citizen = browser(None)
    person = {"first_name": "王", "last_name": "小明", "phone": "13800001111", "email": "wang@example.cn"}
    words = "积水，电话138-0000-1111，邮箱wang@example.cn，身份证330102199001011234"
    request_id = reported(citizen, **person, description=words)
    public = [citizen.get(f"{ROOT}/requests{part}").text for part in (".json", ".xml", f"/{request_id}.json")]
    chief = browser("chief")
    public += [chief.get("/api/v1/reports").text.replace(words, ""), chief.get("/api/v1/cases.geojson").text]
    with store.read() as connection:
        public += [str(row) for row in connection.execute(select(event))]
    for secret in ("小明", "13800001111", "wang@example.cn", "138-0000-1111", "33010219900101"):
        assert not any(secret in text for text in public), secret
    assert one(citizen, request_id)["description"] == "积水，电话***，邮箱***，身份证***"

    path = f"/api/v1/reports/{request_id}/contact"
    assert browser("drainer").post(path, {"reason": "x"}).status_code == 403
    assert browser("checker").post(path, {"reason": "x"}).status_code == 403
    assert chief.post(path, {"reason": " "}).status_code == 422
    assert chief.post(path, {"reason": "回访"}).json() == {"contact": person}
    with store.read() as connection:
        (looked,) = connection.execute(select(event).where(event.c.kind == "report.contact_opened")).all()
    assert (looked.who, looked.why) == ("chief", "回访")


def test_short_numbers_of_a_description_stay():
    assert without_private_numbers("人民路 12 号，深 30 cm，2026 年") == "人民路 12 号，深 30 cm，2026 年"


def test_a_link_to_a_picture_is_kept_for_the_centre_and_shown_to_nobody_before_a_person_looked(browser):
    citizen, chief = browser(None), browser("chief")
    request_id = reported(citizen, media_url="http://pictures.invalid/1.jpg")
    assert one(citizen, request_id)["media_url"] is None
    (item,) = chief.json("/api/v1/reports")["items"]
    assert item["media_url"] == "http://pictures.invalid/1.jpg"
    assert chief.post(f"/api/v1/cases/{item['case_id']}/transitions", {"to": "opened"}).status_code == 200
    assert one(citizen, request_id)["media_url"] == "http://pictures.invalid/1.jpg"
    assert send(citizen, at_place(media_url="file:///etc/passwd")).status_code == 400


def test_a_report_with_an_address_only_waits_until_the_centre_finds_the_place(intake, store, browser):
    recorded = intake.record(now_seen())
    citizen, chief = browser(None), browser("chief")
    form = {"service_code": PUDDLE, "address_string": "人民路 12 号", "description": "积水"}
    request_id = send(citizen, form).json()[0]["service_request_id"]
    assert one(citizen, request_id)["status"] == "open"
    assert [item["request_id"] for item in chief.json("/api/v1/reports", unplaced=True)["items"]] == [request_id]
    lon, lat = north_of(5)
    placed = chief.post(f"/api/v1/reports/{request_id}/place", {"lon": lon, "lat": lat})
    assert placed.json()["case_id"] == recorded.case_id
    assert chief.post(f"/api/v1/reports/{request_id}/place", {"lon": lon, "lat": lat}).status_code == 422
    assert chief.json("/api/v1/reports", unplaced=True)["items"] == []


def test_everybody_sees_published_cases_once_and_no_others(intake, browser):
    puddle = intake.record(now_seen())
    intake.record(now_seen(lonlat=north_of(500), confidence=0.2))
    source = a_zone(kind="reservoir_protection_1", code="S1")
    angler = intake.record(now_seen(matter="fishing.reservoir", label="person", zones=(source,)))
    browser("chief").post(f"/api/v1/cases/{angler.case_id}/transitions", {"to": "opened"})
    citizen = browser(None)
    assert [found["service_request_id"] for found in citizen.json(f"{ROOT}/requests.json")] == [puddle.case_id]
    request_id = reported(citizen)
    assert [found["service_request_id"] for found in citizen.json(f"{ROOT}/requests.json")] == [request_id]


def test_requests_are_chosen_by_id_service_time_and_status_and_come_in_pages(intake, store, browser):
    citizen = browser(None)
    ids = [reported(citizen, lonlat=north_of(300 * n)) for n in range(3)]
    ids.append(reported(citizen, service_code="dumping.household", lonlat=north_of(2000)))

    def asked(**wanted):
        return [found["service_request_id"] for found in citizen.json(f"{ROOT}/requests.json", **wanted)]

    assert sorted(asked()) == sorted(ids)
    assert asked(service_code="dumping.household") == ids[3:]
    assert sorted(asked(service_request_id=f"{ids[0]},{ids[2]}", service_code="nothing")) == sorted([ids[0], ids[2]])
    assert asked(status="closed") == []
    assert sorted(asked(status="open,closed")) == sorted(ids)
    assert asked(start_date="2020-01-01T00:00:00Z", end_date="2020-03-01T00:00:00Z") == []
    pages = [asked(page_size=2, page=page) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 2, 0]
    assert sorted(itertools.chain(*pages)) == sorted(ids)
    too_long = citizen.get(f"{ROOT}/requests.json", start_date="2026-01-01T00:00:00Z", end_date="2026-06-01T00:00:00Z")
    assert (too_long.status_code, too_long.json()[0]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"service_code": "no.such", "lat": "1", "long": "1"}, 404),
        ({"service_code": PUDDLE}, 400),
        ({"service_code": PUDDLE, "lat": "1"}, 400),
        ({"service_code": PUDDLE, "lat": "nan", "long": "1"}, 400),
        ({"service_code": PUDDLE, "lat": "91", "long": "1"}, 400),
        ({"service_code": PUDDLE, "lat": "1", "long": "1", "api_key": "made-up"}, 403),
        ({"service_code": PUDDLE, "lat": "1", "long": "1", "description": "\x00"}, 400),
    ],
)
@pytest.mark.parametrize("suffix", ["json", "xml"])
def test_what_is_wrong_is_told_in_the_standards_shape_and_nothing_is_kept(store, browser, form, status, suffix):
    answer = send(browser(None), form, suffix)
    assert answer.status_code == status
    if suffix == "json":
        (error,) = answer.json()
    else:
        schema_of("errors").assertValid(tree := etree.parse(BytesIO(answer.content)))
        error = {child.tag: child.text for child in tree.find("error")}
    assert (int(error["code"]), bool(error["description"])) == (status, True)
    assert count(store, citizen_report) == 0


def test_fields_that_nobody_filled_in_are_taken_as_left_out(store, browser):
    names = ("api_key", "address_string", "address_id", "media_url", "email", "phone", "first_name", "last_name")
    assert send(browser(None), at_place(**dict.fromkeys(names, " "))).status_code == 200
    blank = {"service_code": PUDDLE, "lat": "", "long": " ", "address_string": "人民路", "description": ""}
    assert send(browser(None), blank).status_code == 200
    with store.read() as connection:
        rows = connection.execute(select(citizen_report).order_by(citizen_report.c.requested_at)).all()
    assert [(row.lon is None, row.contact, row.address) for row in rows] == [
        (False, None, None),
        (True, None, "人民路"),
    ]


def test_citizens_may_report_ten_times_a_minute_and_a_key_for_reports_more_often(store, browser):
    citizen = browser(None)
    for _ in range(10):
        reported(citizen)
    refused = send(citizen, at_place())
    assert (refused.status_code, refused.json()[0]["code"]) == (429, 429)
    assert int(refused.headers["Retry-After"]) > 0
    desk = KeyDesk(store)
    key, _ = desk.create("hotline", by=system_actor("test"), scopes=[Scope.REPORTS_WRITE])
    reported(citizen, api_key=key)
    other, _ = desk.create("other", by=system_actor("test"), scopes=[Scope.CASES_READ])
    assert send(citizen, at_place(api_key=other)).status_code == 403


def test_what_a_drone_sees_at_a_waiting_report_is_suggested_for_a_pin_is_too_vague_to_merge(store, intake, browser):
    """An ellipse over 30 m (95 %) may suggest, never merge: a citizen's pin has 49 m, however few cases lie there."""
    citizen, chief = browser(None), browser("chief")
    request_id = reported(citizen)
    waiting = case_of(store, request_id)
    seen = intake.record(now_seen(lonlat=north_of(3)))
    assert (seen.opened, seen.case_id != waiting.case_id) == (True, True)
    drone = chief.json(f"/api/v1/cases/{seen.case_id}")
    assert [one["case_id"] for one in drone["suggestions"]] == [waiting.case_id]
    assert (drone["state"], case_of(store, request_id).state) == ("dispatched", "pending_review")
    # A person who looks at both says so, and only then are they one.
    merge = {"to": "merged", "duplicate_of": seen.case_id, "reason": "同一处积水"}
    assert chief.post(f"/api/v1/cases/{waiting.case_id}/transitions", merge).status_code == 200
    assert chief.json(f"/api/v1/cases/{seen.case_id}")["state"] == "dispatched"


@pytest.mark.both_stores
def test_processes_of_one_store_count_reports_together_and_a_new_window_begins(store, app, browser):
    with open_store(store.url, evidence_dir=store.evidence_dir) as other:
        elsewhere = Browser(create_app(other))
        citizen = browser(None)
        for one in [citizen, elsewhere] * 5:
            reported(one)
        for one in (citizen, elsewhere):
            refused = send(one, at_place())
            assert refused.status_code == 429
            assert 0 < int(refused.headers["Retry-After"]) <= 60
        elsewhere.close()
    over = utc_now() - timedelta(seconds=1)
    store.write(lambda connection: connection.execute(update(attempt).values(expires_at=over)))
    reported(citizen)


def test_every_answer_as_xml_is_what_the_standard_describes(intake, browser):
    intake.record(now_seen())
    citizen = browser(None)
    request_id = reported(citizen, description="深水 <b>&]]> \x0b")
    asked = {
        "services": "services.xml",
        "service_definition": f"services/{PUDDLE}.xml",
        "service_requests": "requests.xml",
        "one": f"requests/{request_id}.xml",
        "token": f"tokens/{request_id}.xml",
        "errors": "requests/unknown.xml",
    }
    for name, path in asked.items():
        answer = citizen.get(f"{ROOT}/{path}")
        assert answer.headers["content-type"] == "application/xml; charset=utf-8"
        schema_of(name).assertValid(etree.parse(BytesIO(answer.content)))
    made = send(citizen, at_place(), "xml")
    schema_of("made").assertValid(etree.parse(BytesIO(made.content)))
    assert "道路积水" in citizen.get(f"{ROOT}/services.xml").content.decode("utf-8")


@pytest.fixture
def served(store, people):
    with running(create_app(store)) as address:
        yield address + ROOT


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_independent_client_reads_services_and_requests(served, intake, form):
    recorded = [intake.record(now_seen(lonlat=north_of(100 * n))) for n in range(2)]
    client = GeoReport(served, output_format=form)
    services = {service["service_code"]: service["service_name"] for service in client.get_service_list()}
    assert services[PUDDLE] == "道路积水"
    assert client.get_service_definition(PUDDLE)["service_code"] == PUDDLE
    found = client.get_service_requests(service_code=PUDDLE, status="open")
    assert {request["service_request_id"] for request in found} == {one.case_id for one in recorded}
    alone = client.get_service_request(recorded[0].case_id)
    assert float(alone["lat"]) == pytest.approx(HOME_LONLAT[1], abs=1e-4)
    assert alone["status"] == "open"


def test_a_second_independent_client_reports_and_follows_its_report(served, intake, store, monkeypatch):
    # It is of 2013 and asks for this name of Python 2; nothing of it is changed.
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its age: whether they come at all depends on who compiled it
        three = importlib.import_module("three")
    recorded = intake.record(now_seen())
    client = three.Three(served)
    made = client.post(PUDDLE, lat=HOME_LONLAT[1], long=HOME_LONLAT[0], name="Wang Xiaoming", description="积水")
    request_id = made[0]["service_request_id"]
    (followed,) = client.request(request_id)
    assert (followed["status"], followed["description"]) == ("open", "积水")
    assert client.token(request_id)[0]["service_request_id"] == request_id
    assert len(client.requests(PUDDLE, service_request_id=request_id)) == 1
    assert "Xiaoming" not in json.dumps(followed)
    with store.read() as connection:
        linked = connection.execute(select(citizen_report.c.case_id)).scalar_one()
    assert linked == recorded.case_id
    sys.modules.pop("three", None)
