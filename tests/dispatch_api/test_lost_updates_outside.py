"""Visits and storms: whoever changes one may say what they read, and is told where that was changed in between."""

from __future__ import annotations

import pytest
from dispatch_builders import a_zone, an_observation, default_rules, north_of

from dispatch_api.accounts.service import create_account
from dispatch_api.cases.intake import Intake

LOST = (412, "urn:flyonce:problem:lost-update")
SIGNED = {"name": "李四", "form": "typed"}


def post(browser, path, body, tag):
    return browser.post(path, body, headers={"X-CSRF-Token": browser.csrf, "If-Match": tag})


def told(answer):
    return answer.status_code, answer.json().get("type")


class Yard:
    """A visit of two cases that has begun: a puddle of the drainage department's, a heap of the sanitation's."""

    def __init__(self, store, browser):
        intake = Intake(store, *default_rules())
        puddle = an_observation(zones=(a_zone(kind="road", code="R", name="路"),))
        heap = an_observation(matter="dumping.household", lonlat=north_of(30))
        self.cases = [intake.record(one).case_id for one in (puddle, heap)]
        self.chief, self.second = browser("chief"), browser("second_chief")
        self.drainer, self.hand, self.sanitary = browser("drainer"), browser("drain_hand"), browser("sanitary")
        day = self.chief.json("/api/v1/visits/suggestions")["day"]
        self.made = self.chief.post("/api/v1/visits", {"day": day, "case_ids": self.cases})
        self.address = self.made.headers["location"]
        assert self.chief.post(f"{self.address}/transitions", {"to": "under_way"}).status_code == 200

    def tag(self, browser):
        return browser.get(self.address).headers["etag"]

    def line(self, department):
        stops = self.chief.json(self.address)["stop"]
        return next(line["line_id"] for stop in stops for line in stop["lines"] if line["department"] == department)

    def report(self, browser, department, tag, note="泵坏了"):
        body = {"result": "not_done", "note": note}
        return post(browser, f"{self.address}/lines/{self.line(department)}", body, tag)

    def sign(self, browser, tag):
        return post(browser, f"{self.address}/signatures", SIGNED, tag)


@pytest.fixture
def yard(store, people, browser) -> Yard:
    return Yard(store, browser)


def test_who_plans_a_visit_or_begins_a_storm_is_told_where_it_is(yard):
    assert yard.made.status_code == 201
    assert yard.address == f"/api/v1/visits/{yard.made.json()['visit_id']}"
    assert yard.made.headers["etag"] == '"1"'
    storm = yard.chief.post("/api/v1/storms", {"name": "暴雨", "case_ids": yard.cases[:1]})
    assert (storm.status_code, storm.headers["location"]) == (201, f"/api/v1/storms/{storm.json()['storm_id']}")
    assert storm.headers["etag"] == yard.chief.get(storm.headers["location"]).headers["etag"]


@pytest.mark.both_stores
def test_a_visit_that_changed_in_between_is_not_ended_or_cancelled(yard):
    tag = yard.tag(yard.chief)
    assert yard.report(yard.drainer, "drainage", tag).status_code == 200
    for to in ("cancelled", "done"):
        late = post(yard.chief, f"{yard.address}/transitions", {"to": to, "reason": "下雨"}, tag)
        assert told(late) == LOST
    assert yard.chief.json(yard.address)["state"] == "under_way"
    again = post(yard.chief, f"{yard.address}/transitions", {"to": "cancelled", "reason": "下雨"}, yard.tag(yard.chief))
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")


@pytest.mark.both_stores
def test_two_people_of_one_department_do_not_write_over_each_other_and_two_departments_do_not_meet(yard):
    tag = yard.tag(yard.drainer)
    assert yard.report(yard.hand, "drainage", tag, note="已抽干").status_code == 200
    assert told(yard.report(yard.drainer, "drainage", tag)) == LOST
    # Another department's line is as it was read.
    assert yard.report(yard.sanitary, "sanitation", tag).status_code == 200
    lines = [line for stop in yard.chief.json(yard.address)["stop"] for line in stop["lines"]]
    assert {line["department"]: line["note"] for line in lines if line["note"]} == {
        "drainage": "已抽干",
        "sanitation": "泵坏了",
    }
    assert yard.report(yard.drainer, "drainage", yard.tag(yard.drainer)).status_code == 200


def test_a_tag_that_the_visit_never_had_is_none(yard):
    for tag in ('"999"', '"0"', "W/" + yard.tag(yard.drainer), "x"):
        assert told(yard.report(yard.drainer, "drainage", tag)) == LOST
    assert yard.report(yard.drainer, "drainage", "*").status_code == 200


def test_nobody_signs_for_what_they_have_not_read(yard):
    tag = yard.tag(yard.chief)
    assert yard.report(yard.drainer, "drainage", tag).status_code == 200
    # The centre signs for all lines, sanitation for its own alone.
    assert told(yard.sign(yard.chief, tag)) == LOST
    assert yard.sign(yard.sanitary, tag).status_code == 200
    assert yard.sign(yard.chief, yard.tag(yard.chief)).status_code == 200
    assert told(yard.sign(yard.second, tag)) == LOST
    assert {one["party"]: one["account"] for one in yard.chief.json(yard.address)["signatures"]} == {
        "sanitation": "sanitary",
        "centre": "chief",
    }


def test_a_signature_says_whether_what_was_signed_is_still_so(yard):
    for browser, department in ((yard.drainer, "drainage"), (yard.sanitary, "sanitation")):
        assert yard.report(browser, department, "*").status_code == 200
        assert yard.sign(browser, "*").status_code == 200
    assert yard.sign(yard.chief, "*").status_code == 200
    assert yard.report(yard.drainer, "drainage", "*", note="又坏了").status_code == 200
    shown = {one["party"]: one["holds"] for one in yard.chief.json(yard.address)["signatures"]}
    assert shown == {"drainage": False, "sanitation": True, "centre": False}


def test_an_act_code_of_ones_department_is_not_written_over_unseen(yard):
    tag = yard.tag(yard.drainer)
    path = f"{yard.address}/act-codes"
    assert post(yard.hand, path, {"code": "XZ-2026-0001"}, tag).status_code == 200
    assert told(post(yard.drainer, path, {"code": "XZ-2026-0002"}, tag)) == LOST
    assert post(yard.sanitary, path, {"code": "XZ-2026-0003"}, tag).status_code == 200


def test_a_line_that_is_not_on_the_visit_is_not_found(yard):
    body = {"result": "not_done", "note": "x"}
    assert yard.drainer.post(f"{yard.address}/lines/999999", body).status_code == 404


@pytest.mark.both_stores
def test_a_storm_that_somebody_changed_in_between_is_not_changed_again(store, people, browser):
    intake = Intake(store, *default_rules())
    first, second = (intake.record(an_observation(lonlat=north_of(metres))).case_id for metres in (0, 500))
    chief, other = browser("chief"), browser("second_chief")
    made = chief.post("/api/v1/storms", {"name": "暴雨", "case_ids": [first]})
    address, tag = made.headers["location"], made.headers["etag"]
    # What joins by itself changes nothing that somebody decided on.
    intake.record(an_observation(lonlat=north_of(900)))
    assert chief.get(address).headers["etag"] == tag
    added = post(other, f"{address}/cases", {"add": [second]}, tag)
    assert added.status_code == 200
    for path, body in (("cases", {"remove": [first]}), ("tables", {}), ("end", {"reason": "雨停"})):
        assert told(post(chief, f"{address}/{path}", body, tag)) == LOST
    shown = chief.get(address)
    assert (shown.json()["state"], shown.headers["etag"]) == ("on", added.headers["etag"])
    # A second click sends no second table.
    assert post(chief, f"{address}/tables", {}, shown.headers["etag"]).status_code == 200
    assert told(post(chief, f"{address}/tables", {}, shown.headers["etag"])) == LOST
    ended = post(chief, f"{address}/end", {"reason": "雨停"}, chief.get(address).headers["etag"])
    assert (ended.status_code, ended.json()["state"]) == (200, "over")


def test_what_one_may_not_see_has_no_version_to_match(yard, store, browser):
    create_account(store, "stranger", "a-long-password", "leader", "housing")
    stranger = browser("stranger")
    assert yard.sign(stranger, '"7"').status_code == 404
