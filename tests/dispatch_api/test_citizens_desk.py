"""What becomes of citizens' reports at the city's own desk: who reads them, and which case each is of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dispatch_builders import HOME_LONLAT, an_observation, north_of
from sqlalchemy import select

from dispatch_api.store.schema import case, event, feed
from dispatch_api.store.times import utc_now

PUDDLE = "waterlogging.road"


def now_seen(**changes):
    at = utc_now() - timedelta(minutes=5)
    return an_observation(first_seen_at=at, last_seen_at=at, **changes)


def reported(browser, lonlat=HOME_LONLAT, **more) -> str:
    lon, lat = lonlat
    form = {"service_code": PUDDLE, "lat": str(lat), "long": str(lon), "description": "路口积水很深"} | more
    sent = {name: value for name, value in form.items() if value}
    answer = browser._do(browser._client.post("/open311/v2/requests.json", data=sent))
    assert answer.status_code == 200, answer.text
    return answer.json()[0]["service_request_id"]


def case_row(store, case_id: str):
    with store.read() as connection:
        return connection.execute(select(case).where(case.c.case_id == case_id)).one()


def events_of(store, case_id: str) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        rows = connection.execute(select(event).where(event.c.case_id == case_id).order_by(event.c.seq))
        return [(row.kind, row.who, row.why) for row in rows]


@pytest.mark.both_stores
def test_what_waits_for_a_person_is_listed_with_the_case_it_met_and_the_cases_it_may_mean(intake, store, browser):
    known = intake.record(now_seen())
    met, far = reported(browser(None), north_of(18)), reported(browser(None), north_of(60))
    chief = browser("chief")

    items = chief.json("/api/v1/reports")["items"]
    assert {item["request_id"]: item["case"]["number"] for item in items}[met] == known.case_number
    (waits,) = chief.json("/api/v1/reports", waiting=True)["items"]
    assert (waits["request_id"], waits["waits"], waits["case"]["state"]) == (far, True, "pending_review")
    assert waits["case"]["from_citizens"]
    assert waits["matter_zh"] == "道路积水"

    one = chief.json(f"/api/v1/reports/{far}")
    (suggested,) = one["suggestions"]
    assert (suggested["case_id"], suggested["same_family"]) == (known.case_id, True)
    assert suggested["number"] == known.case_number
    assert suggested["distance_m"] == pytest.approx(60, abs=0.5)
    assert chief.json(f"/api/v1/reports/{met}")["suggestions"][0]["case_id"] == one["case_id"]
    assert chief.get("/api/v1/reports/nothing").status_code == 404


@pytest.mark.both_stores
def test_a_report_that_means_a_known_case_is_linked_and_its_own_case_goes_into_that_one(intake, store, browser):
    known = intake.record(now_seen())
    request_id = reported(browser(None), north_of(60))
    chief = browser("chief")
    own = chief.json(f"/api/v1/reports/{request_id}")["case_id"]

    answer = chief.post(f"/api/v1/reports/{request_id}/link", {"case_id": known.case_id, "reason": "同一处积水"})

    assert answer.status_code == 200, answer.text
    assert answer.json()["case_id"] == known.case_id
    assert not answer.json()["waits"]
    merged = case_row(store, own)
    assert (merged.state, merged.duplicate_of) == ("merged", known.case_id)
    assert ("case.reported", "chief", "同一处积水") in events_of(store, known.case_id)
    (public,) = browser(None).json(f"/open311/v2/requests/{request_id}.json")
    assert public["status"] == "open"
    assert chief.json("/api/v1/reports", waiting=True)["items"] == []
    again = chief.post(f"/api/v1/reports/{request_id}/link", {"case_id": known.case_id})
    assert again.status_code == 422


def test_a_case_that_others_speak_for_stays_when_one_report_leaves_it(intake, store, browser):
    known = intake.record(now_seen())
    first, second = reported(browser(None), north_of(60)), reported(browser(None), north_of(68))
    chief = browser("chief")
    own = chief.json(f"/api/v1/reports/{first}")["case_id"]
    assert chief.json(f"/api/v1/reports/{second}")["case_id"] == own

    assert chief.post(f"/api/v1/reports/{first}/link", {"case_id": known.case_id}).status_code == 200

    assert case_row(store, own).state == "pending_review"
    assert "case.report_left" in [kind for kind, _, _ in events_of(store, own)]
    assert [item["request_id"] for item in chief.json("/api/v1/reports", case_id=own)["items"]] == [second]


def test_a_report_without_a_place_is_linked_to_a_case_by_hand(intake, store, browser):
    known = intake.record(now_seen())
    request_id = reported(browser(None), lat="", long="", address_string="衢江路桥下")
    chief = browser("chief")
    assert chief.json(f"/api/v1/reports/{request_id}")["waits"]
    assert chief.post(f"/api/v1/reports/{request_id}/link", {"case_id": known.case_id}).status_code == 200
    one = chief.json(f"/api/v1/reports/{request_id}")
    assert (one["case"]["number"], one["waits"]) == (known.case_number, False)


@pytest.mark.both_stores
def test_a_report_that_names_no_place_is_dismissed_with_a_reason_that_its_sender_reads(store, browser):
    vague, other = (reported(browser(None), lat="", long="", address_string="城里某处") for _ in range(2))
    chief, pilot, anybody = browser("chief"), browser("pilot"), browser(None)

    answer = chief.post(f"/api/v1/reports/{vague}/dismiss", {"reason": "没有说明地点，电话 13912345678 无人接听"})

    assert answer.status_code == 200, answer.text
    assert not answer.json()["waits"]
    assert (answer.json()["dismissed"]["by"], answer.json()["case"]) == ("chief", None)
    for filtered, expected in (("waiting", other), ("unplaced", other), ("dismissed", vague)):
        assert [one["request_id"] for one in chief.json("/api/v1/reports", **{filtered: True})["items"]] == [expected]
    assert pilot.json(f"/api/v1/reports/{vague}")["dismissed"]["why"] == "没有说明地点，电话 *** 无人接听"
    (public,) = anybody.json(f"/open311/v2/requests/{vague}.json")
    assert (public["status"], public["description"]) == ("closed", "")
    assert public["status_notes"] == "不予受理 Dismissed: 没有说明地点，电话 *** 无人接听"
    for status, expected in (("closed", vague), ("open", other)):
        listed = anybody.json("/open311/v2/requests.json", status=status)
        assert [one["service_request_id"] for one in listed] == [expected]
    with store.read() as connection:
        (kept,) = connection.execute(select(event).where(event.c.kind == "report.dismissed")).all()
        told = connection.execute(select(feed.c.data).where(feed.c.type == "report.changed")).scalars().all()
    assert (kept.who, kept.why) == ("chief", "没有说明地点，电话 13912345678 无人接听")
    assert [one["request_id"] for one in told] == [vague, other, vague]


def test_what_has_a_place_is_not_dismissed_and_nothing_without_a_reason_or_twice(browser):
    placed, vague = reported(browser(None)), reported(browser(None), lat="", long="", address_string="城里某处")
    chief, pilot = browser("chief"), browser("pilot")
    for request_id, reason in ((placed, "没有积水"), (vague, "  "), (vague, "")):
        assert chief.post(f"/api/v1/reports/{request_id}/dismiss", {"reason": reason}).status_code == 422
    assert chief.post("/api/v1/reports/nothing/dismiss", {"reason": "没有"}).status_code == 404
    assert pilot.post(f"/api/v1/reports/{vague}/dismiss", {"reason": "没有"}).status_code == 403
    assert chief.json(f"/api/v1/reports/{vague}")["waits"]
    assert chief.post(f"/api/v1/reports/{vague}/dismiss", {"reason": "没有说明地点"}).status_code == 200
    assert chief.post(f"/api/v1/reports/{vague}/dismiss", {"reason": "没有说明地点"}).status_code == 422


def test_what_was_dismissed_is_taken_up_again_on_the_map_or_at_a_case(intake, store, browser):
    known = intake.record(now_seen())
    chief = browser("chief")
    lon, lat = north_of(400)
    for step, sent in (("place", {"lon": lon, "lat": lat}), ("link", {"case_id": known.case_id})):
        request_id = reported(browser(None), lat="", long="", address_string="衢江路桥下")
        assert chief.post(f"/api/v1/reports/{request_id}/dismiss", {"reason": "找不到"}).status_code == 200
        again = chief.post(f"/api/v1/reports/{request_id}/{step}", sent)
        assert again.status_code == 200, again.text
        assert again.json()["dismissed"] is None
        assert again.json()["case"] is not None
        (public,) = browser(None).json(f"/open311/v2/requests/{request_id}.json")
        assert (public["status"], public["description"]) == ("open", "路口积水很深")
    with store.read() as connection:
        kinds = connection.execute(select(event.c.kind).where(event.c.kind.like("report.%"))).scalars().all()
    assert kinds == ["report.dismissed", "report.taken_up"] * 2


def test_nothing_is_linked_to_a_case_that_has_ended_or_is_not_there(intake, store, browser):
    request_id = reported(browser(None))
    chief = browser("chief")
    other = intake.record(now_seen(lonlat=north_of(400), review_required=True))
    ended = chief.post(f"/api/v1/cases/{other.case_id}/transitions", {"to": "rejected", "reason": "没有积水"})
    assert ended.status_code == 200
    before = chief.json(f"/api/v1/reports/{request_id}")
    for case_id, status in ((other.case_id, 422), ("nothing", 404)):
        assert chief.post(f"/api/v1/reports/{request_id}/link", {"case_id": case_id}).status_code == status
    assert chief.json(f"/api/v1/reports/{request_id}") == before


def test_an_operator_reads_reports_without_what_tells_of_the_person_and_changes_none(browser):
    request_id = reported(browser(None), description="请打 13912345678", media_url="https://example.org/a.jpg")
    chief, pilot = browser("chief"), browser("pilot")
    (item,) = pilot.json("/api/v1/reports")["items"]
    assert (item["description"], item["media_url"]) == ("请打 ***", None)
    assert chief.json(f"/api/v1/reports/{request_id}")["description"] == "请打 13912345678"
    assert pilot.post(f"/api/v1/reports/{request_id}/link", {"case_id": item["case_id"]}).status_code == 403
