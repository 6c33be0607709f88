"""What follows from what: tasks move their case, the case moves its tasks."""

from __future__ import annotations

import shutil
from datetime import timedelta
from itertools import pairwise

import pytest
from dispatch_builders import NOON, an_observation, north_of
from dispatch_people_at_work import CHIEF, DRAINER, MATTERS, OTHER_CHIEF, PILOT, TOWNER, WATERMAN, Desk, an_account
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dispatch_api.accounts.model import Role
from dispatch_api.cases.model import CaseState, allowed_steps
from dispatch_api.cases.records import case_of
from dispatch_api.cases.schemas import Change
from dispatch_api.clockwork.running import Clockwork
from dispatch_api.errors import DispatchError, Forbidden, IllegalTransition, InvalidRequest, NotFound
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history
from dispatch_api.tasks.model import OPEN_STATES, TaskState
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import steps_now


@pytest.fixture
def desk(store) -> Desk:
    return Desk(store)


def test_the_case_follows_its_lead_and_does_not_wait_for_co_workers(desk):
    assert desk.case().state == "dispatched"
    desk.work("signed", by=TOWNER)
    assert desk.case().state == "dispatched"
    desk.work("signed")
    assert desk.case().state == "in_progress"
    desk.work("working")
    desk.work("done")
    assert desk.case().state == "pending_verify"
    assert desk.case().reporters == ["drainer"]


def test_the_clock_starts_at_dispatch_and_not_at_signing(desk):
    before = desk.task("drainage").deadline_at
    assert before == NOON + timedelta(hours=4)  # T3 of a green puddle: 4 working hours from noon
    assert desk.task("drainage").sign_deadline_at == NOON + timedelta(minutes=30)
    desk.now = NOON + timedelta(hours=3)
    desk.work("signed")
    assert desk.task("drainage").deadline_at == before


def test_closing_accepts_what_is_done_and_withdraws_the_rest(desk):
    desk.do_all()
    desk.move("closed", reason="on-site photo")
    assert desk.task("drainage").state == "accepted"
    assert desk.task("town").state == "cancelled"
    assert desk.case().ended_at == NOON


def test_the_centre_may_report_for_a_department_but_then_another_one_closes(desk):
    for to in ("signed", "working", "done"):
        desk.work(to, by=CHIEF)
    with pytest.raises(IllegalTransition, match="reports done may not close"):
        desk.move("closed", reason="fine", by=CHIEF)
    assert desk.case().state == "pending_verify"
    assert desk.move("closed", reason="fine", by=OTHER_CHIEF).state == "closed"


def test_a_failed_check_sends_the_work_back_with_a_new_clock_and_counts(desk):
    desk.do_all()
    desk.now = NOON + timedelta(days=1)
    desk.move("reworked", reason="still wet")
    assert (desk.case().state, desk.case().reworks) == ("reworked", 1)
    assert desk.task("drainage").state == "rework"
    assert desk.task("drainage").deadline_at == desk.now + timedelta(hours=4)
    desk.work("working")
    assert desk.case().state == "in_progress"
    desk.work("done")
    assert desk.case().state == "pending_verify"


def test_a_refusal_returns_the_case_and_the_second_one_brings_it_to_arbitration(desk):
    with pytest.raises(InvalidRequest, match="reason"):
        desk.work("refused")
    desk.work("refused", reason="a private yard")
    assert (desk.case().state, desk.case().refusals) == ("returned", 1)
    desk.now = NOON + timedelta(hours=1)
    desk.move("dispatched", lead="water", reason="it is a ditch")
    assert desk.case().state == "dispatched"
    assert desk.case().dispatched_at == NOON  # the clock runs on
    assert desk.task("water").deadline_at == desk.task("drainage").deadline_at
    desk.work("refused", by=WATERMAN, reason="no ditch of ours")
    assert (desk.case().state, desk.case().refusals) == ("arbitration", 2)
    desk.move("dispatched", lead="drainage", reason="decided")
    assert desk.task("drainage", last=False).state == "refused"
    assert desk.task("drainage").state == "sent"


def test_a_co_worker_that_refuses_returns_nothing(desk):
    desk.work("refused", by=TOWNER, reason="not ours")
    assert (desk.case().state, desk.case().refusals) == ("dispatched", 0)


def test_a_suspended_case_rests_and_its_clock_stands_still(desk):
    desk.work("signed")
    for until in (None, NOON - timedelta(days=1)):
        with pytest.raises(InvalidRequest, match="until"):
            desk.move("suspended", reason="frost", until=until)
    desk.move("suspended", reason="frost", until=NOON + timedelta(days=3))
    with pytest.raises(IllegalTransition, match="suspended"):
        desk.work("working")
    desk.now = NOON + timedelta(days=2)
    desk.move("in_progress")
    assert desk.task("drainage").deadline_at == NOON + timedelta(days=2, hours=4)
    desk.work("working")


def test_a_case_that_cannot_be_verified_waits_or_is_closed_with_a_reason(desk):
    desk.do_all()
    desk.move("unverifiable", reason="under trees")
    desk.move("pending_verify")
    desk.move("unverifiable", reason="under trees")
    with pytest.raises(InvalidRequest, match="reason"):
        desk.move("closed")
    assert desk.move("closed", reason="waived by the chief").state == "closed"


def test_a_lead_is_not_withdrawn_but_a_co_worker_may_be(desk):
    with pytest.raises(IllegalTransition, match="dispatching the case anew"):
        desk.work("cancelled", by=CHIEF, reason="no need")
    town = desk.task("town")
    assert desk.tasks.transition(town.task_id, Change(to="cancelled", reason="no need"), by=CHIEF).state == "cancelled"


def test_handing_on_needs_a_department_that_is_not_busy_with_the_case_yet(desk):
    for department in (None, "nobody", "town", "drainage"):
        with pytest.raises(InvalidRequest, match="department"):
            desk.work("handed_on", reason="theirs", department=department)
    desk.work("handed_on", reason="theirs", department="water")
    assert desk.task("drainage").state == "handed_on"
    assert desk.task("water").kind == "lead"
    desk.work("signed", by=WATERMAN)
    assert desk.case().state == "in_progress"


def test_merging_by_hand_moves_the_observations_and_leaves_a_trace(desk):
    doubtful = desk.intake.record(an_observation(lonlat=north_of(6.5), confidence=0.3)).case_id
    for wrong in (None, doubtful):
        with pytest.raises(InvalidRequest, match="duplicate_of"):
            desk.cases.transition(doubtful, Change(to="merged", duplicate_of=wrong), by=CHIEF)
    with pytest.raises(NotFound):
        desk.cases.transition(doubtful, Change(to="merged", duplicate_of="nothing"), by=CHIEF)
    merged = desk.cases.transition(doubtful, Change(to="merged", duplicate_of=desk.case_id), by=CHIEF)
    assert (merged.state, merged.duplicate_of) == ("merged", desk.case_id)
    assert desk.case().observations == 2


def test_only_the_centre_moves_cases_and_only_the_own_department_its_tasks(desk):
    pending = desk.intake.record(an_observation(lonlat=north_of(90), confidence=0.3)).case_id
    with pytest.raises(Forbidden):
        desk.cases.transition(pending, Change(to="opened"), by=PILOT)
    with pytest.raises(NotFound):
        desk.cases.transition(pending, Change(to="opened"), by=DRAINER)
    with pytest.raises(NotFound):
        desk.tasks.transition(desk.task("drainage").task_id, Change(to="signed"), by=TOWNER)
    with pytest.raises(Forbidden):
        desk.tasks.transition(desk.task("drainage").task_id, Change(to="signed"), by=PILOT)


@pytest.mark.parametrize("to", ["nonsense", "", "OPENED"])
def test_a_state_that_does_not_exist_is_named(desk, to):
    with pytest.raises(InvalidRequest, match="is no state of a case"):
        desk.move(to)
    with pytest.raises(InvalidRequest, match="is no state of a task"):
        desk.work(to)


def everything(store):
    with store.read() as connection:
        return [connection.execute(select(table)).all() for table in tables.metadata.sorted_tables]


@pytest.mark.parametrize("to", [state for state in CaseState if state not in {"in_progress", "returned"}])
def test_a_refused_change_leaves_not_a_trace(desk, to):
    before = everything(desk.store)
    with pytest.raises(DispatchError):
        desk.move(to, reason="because", lead="water", until=NOON + timedelta(days=1))
    assert everything(desk.store) == before


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_on_random_walks_state_history_and_tasks_never_disagree(templates, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("walk")
    shutil.copy(templates[0], folder / "city.db")
    with open_store(f"sqlite:///{folder}/city.db") as store:
        desk = Desk(store)
        for _ in range(data.draw(st.integers(5, 25))):
            desk.now += timedelta(minutes=data.draw(st.sampled_from([1, 40, 600])))
            Clockwork(store, MATTERS, now=lambda: desk.now).run_due()
            before = everything(store)
            try:
                _random_step(desk, data)
            except DispatchError:
                assert everything(store) == before
        desk.now = (desk.now + timedelta(days=30)).replace(hour=4)  # noon: no quiet hours
        Clockwork(store, MATTERS, now=lambda: desk.now).run_due()
        _check_consistent(store, desk)


def _random_step(desk, data):
    """A change of the case or of one of its tasks; mostly one that is offered, now and then any other."""
    until = desk.now + timedelta(days=1)
    of_case = Change(to="", reason="because", lead=data.draw(st.sampled_from(["drainage", "water"])), until=until)
    with desk.store.read() as connection:
        tasks = tasks_of(connection, desk.case_id)
    choices = [("case", None, CHIEF, list(allowed_steps(case_of(desk.case()), CHIEF.actor)))]
    for task in tasks:
        by = an_account("worker", Role.LEADER, task.department)
        choices.append(("task", task, by, list(steps_now(task, CaseState(desk.case().state), by))))
    open_choices = [choice for choice in choices if choice[3]] or choices
    kind, task, by, offered = data.draw(st.sampled_from(open_choices))
    every = list(CaseState if kind == "case" else TaskState)
    to = data.draw(st.sampled_from(offered if offered and data.draw(st.integers(0, 4)) else every))
    if kind == "case":
        desk.cases.transition(desk.case_id, of_case.model_copy(update={"to": to}), by=by)
    else:
        change = Change(to=to, reason="because", department="water")
        desk.tasks.transition(task.task_id, change, by=by)


def _check_consistent(store, desk):
    with store.read() as connection:
        assert verify_history(connection) > 0
        history = connection.execute(
            select(tables.event).where(tables.event.c.to_state.is_not(None)).order_by(tables.event.c.seq)
        ).all()
        tasks = tasks_of(connection, desk.case_id)
        due = select(tables.reminder.c.kind).where(tables.reminder.c.state == "waiting")
        assert connection.execute(due).all() == []
        late = [row for row in tasks if row.state in OPEN_STATES and row.deadline_at < desk.now]
    if late and desk.case().state != "suspended":
        assert desk.case().overdue
    of_case = [row for row in history if row.task_id is None]
    assert all(a.to_state == b.from_state for a, b in pairwise(of_case))
    assert of_case[-1].to_state == desk.case().state
    for task in tasks:
        own = [row for row in history if row.task_id == task.task_id]
        assert all(a.to_state == b.from_state for a, b in pairwise(own))
        assert own[-1].to_state == task.state
    leads = [task for task in tasks if task.kind == "lead" and task.state not in {"refused", "handed_on", "cancelled"}]
    if desk.case().state in {"dispatched", "in_progress", "pending_verify"}:
        assert len(leads) == 1
    if desk.case().state == "closed":
        assert {task.state for task in tasks} <= {"accepted", "cancelled", "refused", "handed_on"}
