"""A merge is written down, and taken apart again exactly: rows, places, clocks, and what a person said of the two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, default_rules, north_of, some_evidence
from sqlalchemy import select, text, update

from dispatch_api.accounts.model import Account, Role, system_actor
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.merges import merge, taken_apart
from dispatch_api.cases.model import CaseState
from dispatch_api.cases.moves import move_case
from dispatch_api.cases.records import get_case, summed_up, update_case
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.verdicts.service import VerdictDesk

MATTERS, ROUTING = default_rules()


def account(name: str, role: Role, department: str | None = None) -> Account:
    return Account(
        account_id=1, name=name, display_name_zh=name, display_name_en=name, role=role, department=department
    )


CHIEF, PILOT = account("chief", Role.CENTRE), account("pilot", Role.OPERATOR)
DRAINER = account("drainer", Role.LEADER, "drainage")
SQUARE = tuple(north_of(6.5 + n, east_m=e) for n, e in ((0, 0), (0, 4), (3, 4), (3, 0)))


class Town:
    """A dispatched puddle, a doubtful one 6.5 m beside it, and a clock that the test turns."""

    def __init__(self, store, folder):
        self.store, self.now = store, NOON
        clock = {"now": lambda: self.now}
        self.intake = Intake(store, MATTERS, ROUTING, **clock)
        self.desk = CaseDesk(store, MATTERS, ROUTING, **clock)
        self.tasks = TaskDesk(store, MATTERS, ROUTING, **clock)
        self.sure = self.intake.record(
            an_observation(key="f1:1", evidence=(some_evidence(folder, name="sure.jpg"),))
        ).case_id
        self.doubtful = self.record(
            "f1:2",
            6.5,
            footprint_lonlat=SQUARE,
            extent_m2=12.0,
            evidence=(some_evidence(folder, name="doubtful.jpg", colour=(3, 2, 1)),),
        ).case_id
        self.record("f2:2", 6.6, flight_id="flight-2", apart_from=("f1:1",))
        self.now += timedelta(hours=1)

    def record(self, key, north_m, **changes):
        return self.intake.record(
            an_observation(**{"key": key, "lonlat": north_of(north_m), "confidence": 0.3} | changes)
        )

    def merge(self, case_id=None, into=None):
        change = Change(to="merged", duplicate_of=into or self.sure, reason="one puddle")
        return self.desk.transition(case_id or self.doubtful, change, by=CHIEF)

    def take_apart(self, case_id=None, by=CHIEF, reason="a kerb between them"):
        return self.desk.transition(case_id or self.doubtful, Change(to="pending_review", reason=reason), by=by)

    def case(self, case_id):
        with self.store.read() as connection:
            return get_case(connection, case_id)

    def rows(self, *chosen):
        with self.store.read() as connection:
            return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in chosen]

    def events(self, case_id):
        query = select(tables.event).where(tables.event.c.case_id == case_id, tables.event.c.task_id.is_(None))
        with self.store.read() as connection:
            return [(row.kind, json.loads(row.data)) for row in connection.execute(query.order_by(tables.event.c.seq))]

    def keys_of(self, case_id):
        query = select(tables.observation.c.key).where(tables.observation.c.case_id == case_id)
        with self.store.read() as connection:
            return sorted(connection.execute(query).scalars())


@pytest.fixture
def town(store, tmp_path) -> Town:
    return Town(store, tmp_path)


def but(row, *names):
    """A row without these columns, and without the count of its changes."""
    return {name: value for name, value in row._mapping.items() if name not in {*names, "version"}}


@pytest.mark.both_stores
def test_what_was_merged_goes_back_row_by_row_and_both_cases_are_what_they_were(town):
    belongings = (tables.observation, tables.evidence, tables.task, tables.original)
    before = town.rows(*belongings)
    sure, doubtful = town.case(town.sure), town.case(town.doubtful)
    merged = town.merge()
    assert (merged.state, merged.duplicate_of, town.case(town.sure).observations) == ("merged", town.sure, 3)
    assert town.keys_of(town.doubtful) == []
    assert town.case(town.sure).lat > sure.lat
    town.now += timedelta(days=1)

    back = town.take_apart()

    assert town.rows(*belongings) == before
    assert but(town.case(town.sure)) == but(sure)
    assert but(back, "verify_deadline_at") == but(doubtful, "verify_deadline_at")
    # The clock of the review did not run while there was nothing to review.
    assert back.verify_deadline_at == town.now + timedelta(minutes=15)


def test_the_spatial_index_goes_back_too(town):
    def boxes():
        with town.store.read() as connection:
            return connection.execute(text("SELECT * FROM case_box ORDER BY seq")).all()

    before = boxes()
    town.merge()
    assert boxes() != before
    town.take_apart()
    assert boxes() == before


def test_the_history_of_both_cases_tells_what_moved_and_nothing_of_it_is_rewritten(town):
    keys = ["f1:2", "f2:2"]
    town.merge()
    merged = town.rows(tables.event)[0]
    assert town.events(town.doubtful)[-1] == (
        "case.merged",
        {"into": town.sure, "into_number": town.case(town.sure).number, "observations": keys},
    )
    town.take_apart()
    own = {"case_id": town.doubtful, "number": town.case(town.doubtful).number, "observations": keys}
    assert town.events(town.sure)[-2:] == [("case.took_in", own), ("case.parted", own)]
    assert town.events(town.doubtful)[-1] == (
        "case.unmerged",
        {"from": town.sure, "from_number": town.case(town.sure).number, "observations": keys},
    )
    after = town.rows(tables.event)[0]
    assert after[: len(merged)] == merged
    assert {row.who for row in after[len(merged) :]} == {"chief"}
    with town.store.read() as connection:
        assert verify_history(connection) == len(after)


def test_what_joined_since_stays_and_what_was_refined_since_goes_back_refined(town, tmp_path):
    town.merge()
    joined = town.record("f3:1", 1.0, flight_id="flight-3")
    assert joined.case_id == town.sure
    picture = some_evidence(tmp_path, name="later.jpg", colour=(9, 9, 9))
    town.record("f1:2", 8.0, frames=40, evidence=(picture,))
    town.take_apart()
    assert town.keys_of(town.sure) == ["f1:1", "f3:1"]
    assert town.keys_of(town.doubtful) == ["f1:2", "f2:2"]
    assert town.case(town.doubtful).frames == 43
    with town.store.read() as connection:
        query = select(tables.evidence.c.original_sha256).where(tables.evidence.c.case_id == town.doubtful)
        assert picture.original_sha256 in connection.execute(query).scalars().all()


def test_taken_apart_after_the_other_case_was_closed_only_the_merged_one_opens_again(town):
    town.merge()
    with town.store.read() as connection:
        (lead,) = [task for task in tasks_of(connection, town.sure) if task.department == "drainage"]
    for to in ("signed", "working", "done"):
        town.tasks.transition(lead.task_id, Change(to=to), by=DRAINER)
    town.desk.transition(town.sure, Change(to="closed", reason="dry"), by=CHIEF)
    town.now += timedelta(days=2)
    closed, tasks = town.case(town.sure), town.rows(tables.task)
    back = town.take_apart()
    assert back.state == "pending_review"
    after = town.case(town.sure)
    assert (after.state, after.ended_at, after.observations) == ("closed", closed.ended_at, 1)
    assert town.rows(tables.task) == tasks


def test_taken_apart_after_the_other_case_was_rejected_it_waits_for_its_own_review(town):
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id
    town.merge(town.doubtful, into=third)
    town.desk.transition(third, Change(to="rejected", reason_code="wet_ground"), by=CHIEF)
    assert town.take_apart().state == "pending_review"
    assert town.case(third).state == "rejected"


def test_of_a_chain_of_merges_the_last_one_is_taken_apart_first(town):
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id
    town.merge(town.doubtful, into=third)
    town.merge(third)
    before = town.rows(tables.case, tables.observation, tables.event, tables.feed)
    number = town.case(third).number
    with pytest.raises(IllegalTransition, match=f"case {number}, which took it in, is merged itself"):
        town.take_apart()
    assert town.rows(tables.case, tables.observation, tables.event, tables.feed) == before
    town.take_apart(third)
    assert town.keys_of(third) == ["f1:2", "f1:3", "f2:2"]
    town.take_apart()
    assert (town.keys_of(third), town.keys_of(town.doubtful)) == (["f1:3"], ["f1:2", "f2:2"])


def test_two_that_were_merged_into_one_case_are_taken_out_one_by_one(town):
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id
    town.merge()
    town.merge(third)
    town.take_apart()
    assert (town.keys_of(town.sure), town.keys_of(town.doubtful)) == (["f1:1", "f1:3"], ["f1:2", "f2:2"])
    town.take_apart(third)
    assert town.case(town.sure).observations == 1


@pytest.mark.both_stores
def test_a_merge_that_an_older_version_made_is_taken_apart_by_what_the_history_tells(town):
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id

    def as_before(connection, case_id, into):
        row = get_case(connection, case_id)
        move_case(connection, row, CaseState.MERGED, by=CHIEF.actor, at=town.now, duplicate_of=into)
        for table in (tables.observation, tables.evidence):
            connection.execute(update(table).where(table.c.case_id == case_id).values(case_id=into))
        return update_case(connection, into, summed_up(connection, into)).case_id

    before = town.rows(tables.observation, tables.evidence)
    town.store.write(lambda connection: as_before(connection, town.doubtful, third))
    town.store.write(lambda connection: as_before(connection, third, town.sure))
    town.take_apart(third)
    assert town.keys_of(third) == ["f1:2", "f1:3", "f2:2"]
    town.take_apart()
    assert town.rows(tables.observation, tables.evidence) == before


def test_what_a_person_took_apart_no_machine_merges_again_but_a_person_may(town):
    town.merge()
    town.take_apart()

    def by_machine(connection):
        row = get_case(connection, town.doubtful)
        by = system_actor("intake")
        return merge(connection, row, town.sure, by=by, at=town.now, why="near", matters=MATTERS)

    with pytest.raises(InvalidRequest, match="a person took it apart from case"):
        town.store.write(by_machine)
    assert town.case(town.doubtful).state == "pending_review"
    assert town.merge().state == "merged"

    def held_apart():
        with town.store.read() as connection:
            return [taken_apart(connection, case_id) for case_id in (town.sure, town.doubtful)]

    # What a person said last counts.
    assert held_apart() == [frozenset(), frozenset()]
    assert town.take_apart().state == "pending_review"
    assert held_apart() == [{town.doubtful}, {town.sure}]


def test_they_are_no_longer_suggested_to_each_other_and_shown_as_not_the_same(town, people, browser):
    chief = browser("chief")
    assert [one["case_id"] for one in chief.json(f"/api/v1/cases/{town.doubtful}")["suggestions"]] == [town.sure]
    town.merge()
    sure = chief.json(f"/api/v1/cases/{town.sure}")
    doubtful = chief.json(f"/api/v1/cases/{town.doubtful}")
    assert sure["merged_cases"] == [{"case_id": town.doubtful, "number": doubtful["number"]}]
    assert (doubtful["duplicate_of"], doubtful["duplicate_of_number"]) == (town.sure, sure["number"])
    town.take_apart()
    sure = chief.json(f"/api/v1/cases/{town.sure}")
    doubtful = chief.json(f"/api/v1/cases/{town.doubtful}")
    assert doubtful["suggestions"] == []
    assert doubtful["not_same"] == [{"case_id": town.sure, "number": sure["number"]}]
    assert sure["not_same"] == [{"case_id": town.doubtful, "number": doubtful["number"]}]
    assert (sure["merged_cases"], doubtful["duplicate_of"], doubtful["duplicate_of_number"]) == ([], None, None)


def test_it_is_offered_where_it_works_and_a_second_time_is_a_conflict(town, people, browser):
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id
    town.merge(town.doubtful, into=third)
    chief = browser("chief")
    path = f"/api/v1/cases/{town.doubtful}"
    (offered,) = chief.json(path)["allowed"]
    assert (offered["to"], offered["needs_reason"]) == ("pending_review", True)
    town.merge(third)
    assert chief.json(path)["allowed"] == []
    town.take_apart(third)

    assert chief.post(f"{path}/transitions", {"to": "pending_review"}).status_code == 422
    answer = chief.post(f"{path}/transitions", {"to": "pending_review", "reason": "two gullies"})
    assert answer.status_code == 200
    assert answer.json()["state"] == "pending_review"
    assert len(answer.json()["observations"]) == 2
    again = chief.post(f"{path}/transitions", {"to": "pending_review", "reason": "two gullies"})
    assert again.status_code == 409
    assert again.json()["allowed"] == ["opened", "rejected", "merged"]
    assert "only a merged case is taken apart, and this one is pending_review" in again.json()["detail"]


def test_only_the_centre_takes_apart_and_a_department_does_not_even_see_that_there_was_a_merge(town, people, browser):
    town.merge()
    before = town.rows(tables.case, tables.observation, tables.event)
    with pytest.raises(Forbidden):
        town.take_apart(by=PILOT)
    drainer = browser("drainer")
    change = {"to": "pending_review", "reason": "x"}
    assert drainer.post(f"/api/v1/cases/{town.doubtful}/transitions", change).status_code == 404
    assert drainer.post(f"/api/v1/cases/{town.sure}/transitions", change).status_code == 409
    assert town.rows(tables.case, tables.observation, tables.event) == before

    pictures = {
        one["original_sha256"]: one["full_url"] for one in drainer.json(f"/api/v1/cases/{town.sure}")["evidence"]
    }
    assert len(pictures) == 2
    town.take_apart()
    seen = drainer.json(f"/api/v1/cases/{town.sure}")
    assert "doubtful.jpg" not in {one["file_name"] for one in seen["evidence"]}
    gone = next(url for sha, url in pictures.items() if sha not in {one["original_sha256"] for one in seen["evidence"]})
    assert drainer.get(gone).status_code == 404
    assert town.doubtful not in json.dumps(seen)


def test_of_two_who_take_apart_at_once_one_is_told_that_it_is_done(town):
    town.merge()
    held, go_on = threading.Event(), threading.Event()

    def hold(connection):
        held.set()
        go_on.wait(20)

    town.store.submit(hold)
    assert held.wait(20)
    outcomes = []

    def try_it():
        try:
            outcomes.append(town.take_apart().state)
        except IllegalTransition:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["pending_review", "refused"]
    assert [kind for kind, _ in town.events(town.sure)].count("case.parted") == 1


_DIES = """
import os, signal, sys
from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases import merges, service
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.schemas import Change
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.store import open_store

url, case_id, when = sys.argv[1:]
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if when == "half-way":
    merges.tell_case = die
matters = load_matters()
desk = service.CaseDesk(open_store(url), matters, load_routing(matters=matters, departments=load_departments()))
chief = Account(account_id=1, name="chief", display_name_zh="", display_name_en="", role=Role.CENTRE, department=None)
desk.transition(case_id, Change(to="pending_review", reason="two"), by=chief)
die()
"""


@pytest.mark.both_stores
@pytest.mark.parametrize(("when", "state", "held"), [("half-way", "merged", 3), ("answered", "pending_review", 1)])
def test_kill_minus_9_leaves_all_of_it_or_nothing(town, when, state, held):
    town.merge()
    ended = subprocess.run([sys.executable, "-c", _DIES, town.store.url, town.doubtful, when], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    with open_store(town.store.url) as store, store.read() as connection:
        assert get_case(connection, town.doubtful).state == state
        assert get_case(connection, town.sure).observations == held
        assert len(taken_apart(connection, town.sure)) == (state == "pending_review")
        assert verify_history(connection) > 0


def test_while_a_case_waits_for_review_its_colour_follows_its_area_into_a_merge_and_out_of_it(town):
    large = town.record(
        "f1:4", 40.0, extent_m2=30.0, footprint_lonlat=tuple((lon, lat + 0.0003) for lon, lat in SQUARE), frames=9
    ).case_id
    assert (town.case(town.doubtful).colour, town.case(large).colour) == ("green", "yellow")
    town.merge(large, into=town.doubtful)
    assert town.case(town.doubtful).colour == "yellow"
    town.take_apart(large)
    assert (town.case(town.doubtful).colour, town.case(large).colour) == ("green", "yellow")


def test_a_verdict_does_not_rest_on_pictures_that_a_later_merge_brought(store, people, tmp_path):
    town = Town(store, tmp_path)
    third = town.record("f1:3", 13.0, apart_from=("f1:1", "f1:2", "f2:2")).case_id
    town.desk.transition(third, Change(to="opened"), by=CHIEF)
    assert VerdictDesk(store).verdicts() == ()  # it has no picture
    town.merge(town.doubtful, into=third)
    assert VerdictDesk(store).verdicts() == ()
    town.take_apart()
    town.desk.transition(town.doubtful, Change(to="rejected", reason="wet"), by=CHIEF)
    (verdict,) = VerdictDesk(store).verdicts()
    assert (verdict.case_id, len(verdict.pictures)) == (town.doubtful, 1)
