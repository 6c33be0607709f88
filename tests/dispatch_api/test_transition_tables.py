"""The tables of case and task states, pair by pair and on random walks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dispatch_builders import NOON
from hypothesis import given
from hypothesis import strategies as st

from dispatch_api.accounts.model import Actor, Role, system_actor
from dispatch_api.cases.model import (
    CASE_STATE_NAMES,
    CASE_STEPS,
    Case,
    CaseState,
    advance,
    allowed_steps,
)
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.tasks.model import (
    TASK_STATE_NAMES,
    TASK_STEPS,
    Task,
    TaskKind,
    TaskState,
    advance_task,
    allowed_task_steps,
)

LIFECYCLE = {
    "detected": {"pending_review", "opened", "merged"},
    "pending_review": {"opened", "rejected", "merged"},
    "rejected": set(),
    "merged": {"pending_review"},
    "opened": {"dispatched"},
    "dispatched": {"in_progress", "returned"},
    "returned": {"dispatched", "arbitration"},
    "arbitration": {"dispatched"},
    "in_progress": {"reported_done", "suspended", "returned"},
    "suspended": {"in_progress"},
    "reported_done": {"pending_verify"},
    "pending_verify": {"closed", "reworked", "unverifiable"},
    "unverifiable": {"closed", "pending_verify"},
    "reworked": {"in_progress"},
    "closed": {"recurred"},
    "recurred": {"opened"},
}
TASK_LIFECYCLE = {
    "queued": {"sent", "cancelled"},
    "sent": {"signed", "refused", "handed_on", "cancelled"},
    "signed": {"working", "refused", "handed_on", "cancelled"},
    "working": {"done", "refused", "handed_on", "cancelled"},
    "done": {"accepted", "rework"},
    "rework": {"working"},
    "accepted": set(),
    "refused": set(),
    "handed_on": set(),
    "cancelled": set(),
}
SYSTEM = system_actor("test")
CHIEF = Actor(name="chief", role=Role.CENTRE)
PILOT = Actor(name="pilot", role=Role.OPERATOR)
DRAINER = Actor(name="drainer", role=Role.LEADER, department="drainage")
TOWNER = Actor(name="towner", role=Role.LEADER, department="town")
HAND = Actor(name="hand", role=Role.HANDLER, department="drainage")
CHECKER = Actor(name="checker", role=Role.AUDITOR)
KEEPER = Actor(name="keeper", role=Role.ADMIN)
MACHINE = Actor(name="machine", role=Role.PIPELINE)
PEOPLE = (CHIEF, PILOT, DRAINER, HAND, CHECKER, KEEPER, MACHINE)
CASE_PAIRS = [(a, b) for a in CaseState for b in CaseState]
TASK_PAIRS = [(a, b) for a in TaskState for b in TaskState]


def a_case(state=CaseState.DISPATCHED, **changes) -> Case:
    return Case(**({"case_id": "c1", "state": state} | changes))


def a_task(state=TaskState.SENT, **changes) -> Task:
    defaults = {"task_id": 1, "case_id": "c1", "department": "drainage", "kind": TaskKind.LEAD, "state": state}
    return Task(**(defaults | changes))


def test_the_tables_are_those_of_the_lifecycle():
    assert {str(a): {str(b) for b in steps} for a, steps in CASE_STEPS.items()} == LIFECYCLE
    assert {str(a): {str(b) for b in steps} for a, steps in TASK_STEPS.items()} == TASK_LIFECYCLE
    assert set(CASE_STATE_NAMES) == set(CaseState)
    assert set(TASK_STATE_NAMES) == set(TaskState)


@pytest.mark.parametrize(("current", "to"), CASE_PAIRS)
def test_a_case_moves_along_the_table_and_nowhere_else(current, to):
    case = a_case(current)
    if to in LIFECYCLE[current]:
        moved, event = advance(case, to, by=SYSTEM, at=NOON, why="because")
        assert moved.state is to
        assert (event.from_state, event.to_state, event.who, event.why) == (current, to, SYSTEM.name, "because")
    else:
        with pytest.raises(IllegalTransition) as refused:
            advance(case, to, by=SYSTEM, at=NOON)
        assert set(refused.value.allowed) == LIFECYCLE[current]
    assert case == a_case(current)


@pytest.mark.parametrize(("current", "to"), TASK_PAIRS)
def test_a_task_moves_along_the_table_and_nowhere_else(current, to):
    task = a_task(current)
    if to in TASK_LIFECYCLE[current]:
        moved, event = advance_task(task, to, by=SYSTEM, at=NOON)
        assert moved == replace(task, state=to)
        assert (event.from_state, event.to_state, event.task_id) == (current, to, 1)
    else:
        with pytest.raises(IllegalTransition) as refused:
            advance_task(task, to, by=SYSTEM, at=NOON)
        assert set(refused.value.allowed) == TASK_LIFECYCLE[current]
    assert task == a_task(current)


@pytest.mark.parametrize(("current", "to"), CASE_PAIRS)
@pytest.mark.parametrize("actor", [actor for actor in PEOPLE if actor is not CHIEF], ids=lambda actor: actor.role)
def test_nobody_but_the_centre_moves_a_case_by_hand(actor, current, to):
    assert allowed_steps(a_case(current), actor) == {}
    with pytest.raises((Forbidden, IllegalTransition)):
        advance(a_case(current), to, by=actor, at=NOON, why="because")


@pytest.mark.parametrize(("current", "to"), TASK_PAIRS)
def test_nobody_but_its_department_and_the_centre_moves_a_task(current, to):
    for stranger in (TOWNER, PILOT, CHECKER, KEEPER, MACHINE):
        assert allowed_task_steps(a_task(current), stranger) == {}
        with pytest.raises((Forbidden, IllegalTransition)):
            advance_task(a_task(current), to, by=stranger, at=NOON, why="because")


@pytest.mark.parametrize("current", TaskState)
def test_a_handler_does_the_work_and_leaves_refusing_and_handing_on_to_the_leader(current):
    of_leader = set(allowed_task_steps(a_task(current), DRAINER))
    assert set(allowed_task_steps(a_task(current), HAND)) == of_leader - {TaskState.REFUSED, TaskState.HANDED_ON}
    assert set(allowed_task_steps(a_task(current), CHIEF)) >= of_leader


@pytest.mark.parametrize("actor", PEOPLE, ids=lambda actor: actor.role)
@pytest.mark.parametrize("current", CaseState)
def test_what_is_offered_is_what_works(actor, current):
    offered = allowed_steps(a_case(current), actor)
    for to in CaseState:
        try:
            advance(a_case(current), to, by=actor, at=NOON, why="because")
        except (Forbidden, IllegalTransition):
            assert to not in offered
        else:
            assert to in offered


def test_whoever_reports_done_may_not_close_but_another_one_may():
    case = a_case(CaseState.PENDING_VERIFY, reporters=frozenset({"chief"}))
    with pytest.raises(IllegalTransition, match="reports done may not close") as refused:
        advance(case, CaseState.CLOSED, by=CHIEF, at=NOON, why="looks fine")
    assert "closed" not in refused.value.allowed
    other = Actor(name="other", role=Role.CENTRE)
    assert advance(case, CaseState.CLOSED, by=other, at=NOON, why="seen")[0].state is CaseState.CLOSED


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_step_that_needs_a_reason_is_refused_without_one(reason):
    with pytest.raises(InvalidRequest, match="reason"):
        advance(a_case(CaseState.PENDING_REVIEW), CaseState.REJECTED, by=CHIEF, at=NOON, why=reason)
    with pytest.raises(InvalidRequest, match="reason"):
        advance_task(a_task(), TaskState.REFUSED, by=DRAINER, at=NOON, why=reason)


@given(choices=st.lists(st.tuples(st.sampled_from(CaseState), st.sampled_from((SYSTEM, *PEOPLE))), max_size=60))
def test_a_random_walk_never_leaves_the_table_and_counts_what_it_should(choices):
    case, events = a_case(CaseState.DETECTED), []
    for to, actor in choices:
        before = case
        try:
            case, event = advance(case, to, by=actor, at=NOON, why="because")
        except (IllegalTransition, Forbidden):
            assert case == before
            continue
        events.append(event)
        assert to in LIFECYCLE[before.state]
    assert [event.to_state for event in events[:-1]] == [event.from_state for event in events[1:]]
    assert case.refusals == sum(event.to_state == "returned" for event in events)
    assert case.reworks == sum(event.to_state == "reworked" for event in events)
    if events:
        assert events[-1].to_state == case.state
