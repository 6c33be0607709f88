"""Whoever changes a case or a task may say what they read, and is told where it changed in between."""

from __future__ import annotations

import pytest
from dispatch_builders import an_observation

CHANGE = {"to": "signed"}


def lead_of(recorded):
    return next(task.task_id for task in recorded.tasks if task.kind == "lead")


def post(browser, path, body, if_match):
    return browser.post(path, body, headers={"X-CSRF-Token": browser.csrf, "If-Match": if_match})


@pytest.mark.both_stores
def test_a_task_that_changed_in_between_is_not_changed_again(intake, browser, people):
    path = f"/api/v1/tasks/{lead_of(intake.record(an_observation()))}"
    drainer, hand = browser("drainer"), browser("drain_hand")
    read = drainer.get(path)
    tag = read.headers["etag"]
    assert tag == f'"{read.json()["version"]}"'

    first = post(drainer, f"{path}/transitions", CHANGE, tag)
    assert (first.status_code, first.json()["state"]) == (200, "signed")
    assert first.headers["etag"] == hand.get(path).headers["etag"] != tag
    late = post(hand, f"{path}/transitions", {"to": "working"}, tag)
    assert (late.status_code, late.json()["type"]) == (412, "urn:flyonce:problem:lost-update")
    assert hand.json(path)["state"] == "signed"
    assert post(hand, f"{path}/transitions", {"to": "working"}, first.headers["etag"]).status_code == 200


@pytest.mark.both_stores
def test_a_case_that_changed_in_between_is_not_changed_again(intake, browser, people):
    recorded = intake.record(an_observation(confidence=0.2))
    path = f"/api/v1/cases/{recorded.case_id}"
    chief, second = browser("chief"), browser("second_chief")
    tag = chief.get(path).headers["etag"]
    assert post(second, f"{path}/transitions", {"to": "opened"}, tag).status_code == 200
    rejected = post(chief, f"{path}/transitions", {"to": "rejected", "reason": "a shadow"}, tag)
    assert rejected.status_code == 412
    assert post(chief, f"{path}/flags", {"flag": "supervised", "reason": "in court"}, tag).status_code == 412
    assert post(chief, f"{path}/split", {"observations": ["x"], "reason": "two"}, tag).status_code == 412
    assert chief.json(path)["state"] == "dispatched"
    assert chief.json(path)["supervised"] == 0


def test_a_task_of_the_case_that_moves_it_on_changes_the_cases_tag(intake, browser, people):
    recorded = intake.record(an_observation())
    path = f"/api/v1/cases/{recorded.case_id}"
    before = browser("chief").get(path).headers["etag"]
    assert browser("drainer").post(f"/api/v1/tasks/{lead_of(recorded)}/transitions", CHANGE).status_code == 200
    assert browser("chief").get(path).headers["etag"] != before


@pytest.mark.parametrize(
    ("tag", "status"),
    [('"{0}"', 200), ("*", 200), ('"999", "{0}"', 200), ('W/"{0}"', 412), ('"{0}0"', 412), ("{0}", 412), ('""', 412)],
)
def test_a_tag_is_compared_as_the_standard_says(intake, browser, people, tag, status):
    path = f"/api/v1/tasks/{lead_of(intake.record(an_observation()))}"
    drainer = browser("drainer")
    version = drainer.json(path)["version"]
    assert post(drainer, f"{path}/transitions", CHANGE, tag.format(version)).status_code == status


def test_without_if_match_the_last_word_counts(intake, browser, people):
    path = f"/api/v1/tasks/{lead_of(intake.record(an_observation()))}"
    assert browser("drainer").post(f"{path}/transitions", CHANGE).status_code == 200


def test_what_the_asker_may_not_see_has_no_version_to_match(intake, browser, people):
    path = f"/api/v1/tasks/{lead_of(intake.record(an_observation()))}"
    assert post(browser("ecologist"), f"{path}/transitions", CHANGE, '"7"').status_code == 404
