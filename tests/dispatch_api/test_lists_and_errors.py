"""Lists that go on where they ended, errors of one shape, and the word whether the service can work."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, north_of
from sqlalchemy import text

from dispatch_api.body_limit import MAX_BODY_BYTES
from dispatch_api.store.times import iso

PROBLEM = "application/problem+json"
MOMENT = timedelta(microseconds=120_300)


def is_problem(answer, status: int) -> bool:
    return (
        answer.status_code == status
        and answer.headers["content-type"] == PROBLEM
        and {"type", "title", "status", "detail"} <= set(answer.json())
        and answer.json()["status"] == status
    )


def walked(browser, path: str, key: str, **wanted) -> list:
    """All pages of a list, one after the other."""
    seen, cursor = [], {}
    while True:
        page = browser.json(path, **wanted, **cursor)
        seen += [item[key] for item in page["items"]]
        if page["next"] is None:
            return seen
        cursor = {"cursor": page["next"]}


@pytest.mark.both_stores
@pytest.mark.parametrize("closed", [False, True], ids=["left open", "closed"])
def test_a_case_is_the_same_in_a_list_on_the_map_and_on_its_page_and_its_outline_closed(intake, browser, closed):
    corners = tuple(north_of(n, east_m=e) for n, e in ((0, 0), (0, 4.5), (4, 4), (4, 0)))
    given = (*corners, corners[0]) if closed else corners
    outlined = intake.record(an_observation(footprint_lonlat=given, first_seen_at=NOON - MOMENT)).case_id
    plain = intake.record(an_observation(lonlat=north_of(900))).case_id
    chief = browser("chief")
    ring = {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}
    features = chief.json("/api/v1/cases.geojson")["features"]
    in_list = {item["case_id"]: item for item in chief.json("/api/v1/cases")["items"]}
    on_map = {one["id"]: one["properties"] for one in features}
    for case, outline in ((outlined, ring), (plain, None)):
        page = chief.json(f"/api/v1/cases/{case}")
        page["observations"] = page["observations_count"]
        assert page["footprint"] == outline
        assert on_map[case] == {name: page[name] for name in on_map[case]}
        assert in_list[case] == {name: page[name] for name in in_list[case]}


@pytest.mark.both_stores
def test_lists_go_on_where_they_ended_whatever_came_in_between(intake, browser):
    for n in range(5):
        intake.record(an_observation(lonlat=north_of(100 * n)))
    chief = browser("chief")
    whole = chief.json("/api/v1/cases", limit=500)["items"]
    first = chief.json("/api/v1/cases", limit=2)
    intake.record(an_observation(lonlat=north_of(9000)))
    second = chief.json("/api/v1/cases", limit=500, cursor=first["next"])
    assert first["items"] + second["items"] == whole
    tasks = walked(chief, "/api/v1/tasks", "task_id", limit=7)
    assert tasks == sorted(set(tasks), reverse=True)
    assert len(tasks) == 24
    events = walked(chief, "/api/v1/events", "seq", limit=13)
    assert events == list(range(1, len(events) + 1))
    assert walked(chief, "/api/v1/events", "seq", limit=13, newest=True) == events[::-1]
    onward = chief.json("/api/v1/events", limit=2)["next"]
    assert is_problem(chief.get("/api/v1/events", cursor=onward, newest=True), 422)


@pytest.mark.parametrize("path", ["cases", "tasks", "events", "reports", "cases.geojson", "deliveries"])
@pytest.mark.parametrize(
    "cursor", ["x", "é", "1", base64.urlsafe_b64encode(b'["cases",-1]').decode(), "WyJvdGhlciIsMV0"]
)
def test_a_cursor_of_nobody_or_of_another_list_is_refused(browser, path, cursor):
    answer = browser("chief").get(f"/api/v1/{path}", cursor=cursor)
    assert is_problem(answer, 422)
    assert answer.json()["field"] == "cursor"


@pytest.mark.both_stores
def test_cases_are_chosen_by_department_time_and_number(intake, browser):
    puddle = intake.record(an_observation())
    rubbish = intake.record(an_observation(lonlat=north_of(900), matter="dumping.household"))
    chief = browser("chief")

    def found(name="chief", **wanted):
        return [item["case_id"] for item in browser(name).json("/api/v1/cases", **wanted)["items"]]

    assert found(department="drainage") == [puddle.case_id]
    assert found(department="drainage,sanitation") == [rubbish.case_id, puddle.case_id]
    assert found(number=puddle.case_number[-4:]) == [puddle.case_id]
    day = puddle.case_number[:8]
    assert found(number=day) == found(number=f"{day}-") == found(number=day[2:]) == [rubbish.case_id, puddle.case_id]
    assert found(number=puddle.case_number) == [puddle.case_id]
    assert [found(number=odd) for odd in ("%", "_", "!", "!%", "19990101", "2026%")] == [[]] * 6
    assert found(seen_from=iso(NOON), seen_until=iso(NOON)) == [rubbish.case_id, puddle.case_id]
    assert found(seen_until="2026-11-23T03:59:59Z") == found(seen_from="2026-11-23T12:00:01+08:00") == []
    # Traffic police help with the puddle; that is nothing that the drainage department's people learn by asking.
    assert found("drainer", department="drainage") == [puddle.case_id]
    assert found("drainer", department="traffic_police") == []
    for wrong in ({"state": "nonsense"}, {"colour": "blue"}, {"seen_from": "2026-11-23T00:00:00"}):
        assert is_problem(chief.get("/api/v1/cases", **wrong), 422)


def test_a_department_reads_its_own_part_of_the_history(intake, browser):
    puddle = intake.record(an_observation())
    intake.record(an_observation(lonlat=north_of(900), matter="dumping.household"))
    drainer, chief = browser("drainer"), browser("chief")
    own = drainer.json("/api/v1/events", limit=500)["items"]
    assert {item["case_id"] for item in own} == {puddle.case_id}
    mine = {task["task_id"] for task in drainer.json("/api/v1/tasks")["items"]}
    assert {item["task_id"] for item in own} <= {None, *mine}
    assert len(own) < len(chief.json("/api/v1/events", case_id=puddle.case_id, limit=500)["items"])
    assert {item["kind"] for item in chief.json("/api/v1/events", kind="case.detected")["items"]} == {"case.detected"}
    of_cases = chief.json("/api/v1/events", kind="case.*,account.none", limit=500)["items"]
    assert {item["kind"].split(".")[0] for item in of_cases} == {"case"}
    assert puddle.case_number in {item["case_number"] for item in of_cases}


@pytest.mark.both_stores
def test_the_map_goes_on_by_its_next_link(intake, browser):
    wanted = [intake.record(an_observation(lonlat=north_of(100 * n))).case_id for n in range(5)][::-1]
    pilot = browser("pilot")
    (west, south), (east, north) = north_of(-50, east_m=-50), north_of(450, east_m=50)
    answer = pilot.get("/api/v1/cases.geojson", bbox=f"{west},{south},{east},{north}", limit=2)
    seen = []
    while True:
        page = answer.json()
        seen += [feature["id"] for feature in page["features"]]
        if not page["truncated"]:
            break
        assert answer.links["next"]["url"] == page["links"][0]["href"]
        answer = pilot.get(answer.links["next"]["url"])
    assert seen == wanted
    assert page["next"] is None


@pytest.mark.both_stores
def test_a_box_may_run_over_the_meridian_of_180_degrees(intake, browser):
    fiji = [intake.record(an_observation(lonlat=(lon, -17.0), confidence=0.2)).case_id for lon in (179.9, -179.9)]
    intake.record(an_observation(confidence=0.2))
    found = browser("pilot").json("/api/v1/cases.geojson", bbox="179,-18,-179,-16")["features"]
    assert {feature["id"] for feature in found} == set(fiji)
    for bad in ("1,2,3", "0,10,1,5", "inf,0,1,1", "0,0,181,1", "0,-91,1,1", "a,b,c,d"):
        assert is_problem(browser("pilot").get("/api/v1/cases.geojson", bbox=bad), 422), bad


def test_what_is_not_there_or_takes_another_method_says_so(browser):
    chief = browser("chief")
    for method in ("GET", "POST", "PUT", "DELETE"):
        for start in ("/api/v1", "/ogc"):
            answer = chief._do(chief._client.request(method, f"{start}/nonsense"))
            assert is_problem(answer, 404), (method, start)
    wrong = chief._do(chief._client.request("PATCH", "/api/v1/cases"))
    assert is_problem(wrong, 405)
    assert wrong.headers["allow"] == "GET"
    both = chief._do(chief._client.request("PUT", "/api/v1/tasks/1/transitions"))
    assert (both.status_code, both.headers["allow"]) == (405, "POST")
    georeport = chief._do(chief._client.request("DELETE", "/open311/v2/requests.json"))
    assert (georeport.status_code, georeport.headers["allow"]) == (405, "GET, POST")
    assert georeport.json()[0]["code"] == 405


def test_a_body_that_is_too_large_is_refused_before_it_is_read(browser):
    chief = browser("chief")
    path, headers = "/api/v1/cases/x/transitions", {"X-CSRF-Token": chief.csrf, "Content-Type": "application/json"}
    large = b'{"to": "' + b"x" * MAX_BODY_BYTES + b'"}'

    async def in_pieces():
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    told = chief._do(chief._client.post(path, content=large, headers=headers))
    untold = chief._do(chief._client.post(path, content=in_pieces(), headers=headers))
    assert is_problem(told, 413)
    assert is_problem(untold, 413)


@pytest.mark.both_stores
def test_the_character_nul_is_refused_wherever_it_comes(intake, browser):
    recorded = intake.record(an_observation())
    chief = browser("chief")
    path = f"/api/v1/cases/{recorded.case_id}/transitions"
    assert is_problem(chief.post(path, {"to": "closed", "reason": "a\x00b"}), 422)
    assert is_problem(chief.get("/api/v1/cases", matter="a\x00"), 422)
    assert is_problem(chief.get("/api/v1/cases/a%00b"), 422)
    # A backslash, the letter u and zeros are plain text.
    assert chief.post(path, {"to": "closed", "reason": "\\u0000"}).status_code == 409


def test_every_described_route_names_its_errors_in_the_shape_that_they_have(app):
    described = app.openapi()
    for path, item in described["paths"].items():
        for method, operation in item.items():
            errors = {int(status): one for status, one in operation["responses"].items() if int(status) >= 400}
            shapes = {kind for one in errors.values() for kind in one["content"]}
            wanted = {"application/json", "application/xml"} if path.startswith("/open311") else {PROBLEM}
            assert shapes == wanted, (method, path)
            assert (400 if path.startswith(("/open311", "/ogc")) else 422) in errors, (method, path)
    assert "HTTPValidationError" not in described["components"]["schemas"]


@pytest.mark.both_stores
def test_ready_means_that_store_schema_and_disk_are_fine(store, browser):
    somebody = browser(None)
    assert somebody.get("/readyz").json() == {"status": "ready"}
    store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '0001'")).rowcount)
    answer = somebody.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "failing": ["schema"]})
    assert somebody.get("/healthz").json() == {"status": "ok"}


def test_a_disk_that_takes_nothing_makes_the_service_not_ready(browser, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device", "/srv/secret-place")

    monkeypatch.setattr("dispatch_api.health.tempfile.TemporaryFile", full)
    answer = browser(None).get("/readyz")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["disk"])
    assert "secret" not in answer.text
