"""What happens by itself when time passes: reminders, colours, notices, quiet hours, suspension, restarts."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_builders import NOON, a_zone, an_observation, default_rules, north_of
from dispatch_people_at_work import CHIEF, DRAINER, PILOT, Desk
from sqlalchemy import func, select

from dispatch_api.cases.clocks import Clock
from dispatch_api.cases.intake import Intake
from dispatch_api.clockwork.reminders import ReminderState
from dispatch_api.clockwork.running import Clockwork
from dispatch_api.errors import Forbidden, IllegalTransition, InvalidRequest
from dispatch_api.store import open_store
from dispatch_api.store import schema as tables
from dispatch_api.store.history import verify_history

MATTERS, _ROUTING = default_rules()
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store) -> Desk:
    return Desk(store)


def happened(desk, kind="task.reminded", case_id=None):
    """What the history says of a case, the newest last."""
    with desk.store.read() as connection:
        rows = connection.execute(
            select(tables.event)
            .where(tables.event.c.kind == kind, tables.event.c.case_id == (case_id or desk.case_id))
            .order_by(tables.event.c.seq)
        ).all()
    return [json.loads(row.data) | {"task_id": row.task_id} for row in rows]


def steps(desk, department="drainage"):
    task_id = desk.task(department).task_id
    return [told["step"] for told in happened(desk) if told["task_id"] == task_id]


def run_at(desk, at) -> int:
    desk.now = at
    return Clockwork(desk.store, MATTERS, now=lambda: desk.now).run_due()


@pytest.mark.both_stores
def test_a_departments_time_is_called_out_step_by_step_in_working_hours(desk):
    # A green puddle at noon: T2 30 min, T3 four working hours until 16:00; working hours end at 18:00.
    assert run_at(desk, NOON + timedelta(minutes=29)) == 0
    run_at(desk, NOON + timedelta(minutes=31))
    assert steps(desk) == ["unsigned"]
    desk.work("signed")
    run_at(desk, NOON + 2 * HOUR)
    assert (steps(desk)[-1], desk.case().colour, desk.case().overdue) == ("half", "green", False)
    run_at(desk, NOON + 3.2 * HOUR)
    assert (steps(desk)[-1], desk.case().colour) == ("nearly", "yellow")
    run_at(desk, NOON + 4 * HOUR)
    assert (steps(desk)[-1], desk.case().colour, desk.case().overdue) == ("overdue", "red", True)
    assert desk.case().supervised == 0
    run_at(desk, NOON + 6 * HOUR)
    assert steps(desk) == ["unsigned", "half", "nearly", "overdue", "supervised"]
    notices = [told["number"] for told in happened(desk, "case.supervised")]
    # Every department's task runs by the same clock: each has its own notice, numbered without a gap.
    assert notices == [f"督办〔2026〕{n:04d}号" for n in range(1, desk.case().supervised + 1)]


def test_a_step_is_told_once_however_often_the_clock_looks(desk):
    for _ in range(3):
        run_at(desk, NOON + 2 * HOUR)
    assert steps(desk) == ["half"] or steps(desk) == ["unsigned", "half"]
    assert len(steps(desk)) == len(set(steps(desk)))


def test_after_a_long_stop_only_the_last_step_is_told(desk):
    run_at(desk, NOON + 5 * HOUR)
    assert [step for step in steps(desk) if step != "unsigned"] == ["overdue"]
    run_at(desk, NOON + timedelta(days=3))
    assert [step for step in steps(desk) if step != "unsigned"] == ["overdue", "supervised"]


def test_a_step_that_was_overtaken_still_marks_the_case(desk):
    run_at(desk, NOON + timedelta(days=3))
    assert [step for step in steps(desk) if step != "unsigned"] == ["supervised"]
    assert (desk.case().overdue, desk.case().colour) == (True, "red")


def test_what_is_done_in_time_is_not_called_out(desk):
    desk.do_all()
    run_at(desk, NOON + 6 * HOUR)
    assert steps(desk) == []
    assert steps(desk, "town")[-1] == "supervised"


def test_quiet_hours_hold_back_green_and_yellow_but_never_red(desk):
    evening = NOON + 9 * HOUR  # 21:00, after work
    desk.now = evening
    late = desk.intake.record(an_observation(lonlat=north_of(900), first_seen_at=evening, last_seen_at=evening))
    red = desk.intake.record(
        an_observation(
            lonlat=north_of(1800),
            zones=(a_zone(kind="road", code="R9", name="下穿通道", zone_class="underpass"),),
            first_seen_at=evening,
            last_seen_at=evening,
        )
    )
    assert red.state == "pending_review"
    desk.cases.transition(red.case_id, desk.change("opened"), by=CHIEF)
    midnight = NOON + 11 * HOUR  # 23:00
    run_at(desk, midnight)
    assert [told["step"] for told in happened(desk, case_id=late.case_id)] == []
    # The red one, two clock hours from 21:00, is overdue at 23:00 and is told at once.
    assert {told["step"] for told in happened(desk, case_id=red.case_id)} >= {"overdue"}
    run_at(desk, NOON + 19 * HOUR)  # 07:00
    assert {told["step"] for told in happened(desk, case_id=late.case_id)} == {"unsigned"}


@pytest.mark.both_stores
def test_a_suspension_stops_the_working_clock_and_gives_back_what_was_left(desk):
    desk.work("signed")
    desk.now = NOON + HOUR  # 13:00: three working hours are left
    until = NOON + timedelta(days=2, hours=-3)  # Wednesday 09:00
    desk.move("suspended", reason="等待备件", until=until)
    run_at(desk, NOON + timedelta(days=1))
    assert [step for step in steps(desk) if step != "unsigned"] == []
    run_at(desk, until)
    case = desk.case()
    assert (case.state, case.suspended_until) == ("in_progress", None)
    assert case.paused_s == (until - NOON - HOUR).total_seconds()
    assert desk.task("drainage").deadline_at == until + 3 * HOUR
    run_at(desk, until + HOUR)
    assert steps(desk)[-1] == "half"
    run_at(desk, until + 3 * HOUR)
    assert steps(desk)[-1] == "overdue"


def test_a_case_taken_up_by_hand_before_its_date_is_not_taken_up_again(desk):
    desk.work("signed")
    desk.move("suspended", reason="等待备件", until=NOON + timedelta(days=3))
    desk.now = NOON + HOUR
    desk.move("in_progress")
    desk.work("working")
    desk.work("done")
    before = len(happened(desk, "case.in_progress"))
    run_at(desk, NOON + timedelta(days=4))
    assert desk.case().state == "pending_verify"
    assert len(happened(desk, "case.in_progress")) == before


def test_whoever_takes_over_runs_by_the_same_clock(desk):
    desk.work("handed_on", reason="属于水利", department="water")
    run_at(desk, NOON + 4 * HOUR)
    assert steps(desk, "water")[-1] == "overdue"
    assert steps(desk, "drainage") == []


def test_rework_runs_anew_and_the_second_one_is_supervised(desk):
    desk.do_all()
    desk.now = NOON + HOUR
    desk.move("reworked", reason="仍有积水")
    assert desk.case().supervised == 0
    run_at(desk, desk.now + 2 * HOUR)
    assert steps(desk)[-1] == "half"
    desk.work("working")
    desk.work("done")
    desk.move("reworked", reason="还是有积水")
    assert desk.case().supervised == 1
    assert happened(desk, "case.supervised")[0]["number"] == "督办〔2026〕0001号"


def test_the_centre_is_reminded_of_what_it_has_not_reviewed_or_verified(desk):
    waiting = desk.intake.record(an_observation(lonlat=north_of(900), confidence=0.3))
    assert waiting.state == "pending_review"
    assert desk.case(waiting.case_id).verify_deadline_at == NOON + timedelta(minutes=15)
    run_at(desk, NOON + timedelta(minutes=15))
    assert [told["step"] for told in happened(desk, "case.reminded", waiting.case_id)] == ["unreviewed"]
    desk.do_all()
    assert desk.case().verify_deadline_at == desk.now + timedelta(days=1)
    run_at(desk, NOON + timedelta(days=1, hours=1))
    assert [told["step"] for told in happened(desk, "case.reminded")] == ["unverified"]


def to_come(desk):
    """Whose next step waits or stands still, and which one that is."""
    with desk.store.read() as connection:
        rows = connection.execute(select(tables.reminder).order_by(tables.reminder.c.task_id)).all()
    return {row.task_id: row.kind for row in rows}


@pytest.mark.both_stores
def test_a_task_has_one_row_that_names_its_next_step_until_none_is_left(desk):
    task_id = desk.task("drainage").task_id
    named = []
    for hours in (0, 0.6, 2.1, 3.3, 4.1, 6.1):
        run_at(desk, NOON + hours * HOUR)
        waiting = to_come(desk)
        named.append(waiting.get(task_id))
        assert set(waiting) <= {desk.task(name).task_id for name in ("drainage", "town", "traffic_police", "emergency")}
    assert named == ["unsigned", "half", "nearly", "overdue", "supervised", None]


def test_what_was_held_back_at_night_is_not_told_after_what_overtook_it(desk):
    puddle = MATTERS["waterlogging.road"]
    by_the_wall = puddle.clocks.model_copy(update={"t3": Clock.parse("8h")})
    changed = {puddle.key: puddle.model_copy(update={"clocks": by_the_wall})}
    matters = replace(MATTERS, by_key={**MATTERS.by_key, **changed})
    desk.now = NOON + 9 * HOUR  # 21:00: half at 01:00 and nearly at 03:24 wait until 07:00, overdue at 05:00 does not
    intake = Intake(desk.store, matters, _ROUTING, now=lambda: desk.now)
    seen = {"first_seen_at": desk.now, "last_seen_at": desk.now}
    late = intake.record(an_observation(lonlat=north_of(900), **seen)).case_id
    for hours in (13.1, 15.5, 17, 19):
        run_at(desk, NOON + hours * HOUR)
    told = {told["task_id"]: [] for told in happened(desk, case_id=late)}
    for one in happened(desk, case_id=late):
        told[one["task_id"]].append(one["step"])
    assert told
    assert all([step for step in of_one if step != "unsigned"] == ["overdue"] for of_one in told.values())


def test_a_verification_that_began_anew_is_called_out_by_its_own_time_only(desk):
    desk.do_all()
    desk.now = NOON + HOUR
    desk.move("reworked", reason="仍有积水")
    desk.now = NOON + 5 * HOUR  # 17:00
    desk.work("working")
    desk.work("done")
    assert desk.case().verify_deadline_at == NOON + timedelta(days=1, hours=5)
    run_at(desk, NOON + timedelta(days=1, hours=4))
    assert happened(desk, "case.reminded") == []
    run_at(desk, NOON + timedelta(days=1, hours=5))
    assert [told["step"] for told in happened(desk, "case.reminded")] == ["unverified"]


def test_a_case_that_is_put_off_twice_until_the_same_day_goes_on_that_day(desk):
    desk.work("signed")
    until = NOON + timedelta(days=3)
    desk.move("suspended", reason="等待备件", until=until)
    desk.now = NOON + HOUR
    desk.move("in_progress")
    desk.move("suspended", reason="还是没有备件", until=until)
    run_at(desk, until)
    assert desk.case().state == "in_progress"


@pytest.mark.both_stores
def test_two_clockworks_at_once_tell_each_step_once(desk):
    desk.now = NOON + 4 * HOUR
    for n in range(20):
        desk.intake.record(an_observation(lonlat=north_of(900.0 + 50 * n), first_seen_at=NOON, last_seen_at=NOON))
    desk.now = NOON + timedelta(days=1)
    with open_store(desk.store.url, evidence_dir=desk.store.evidence_dir) as other:
        clocks = [Clockwork(store, MATTERS, now=lambda: desk.now) for store in (desk.store, other)]
        threads = [threading.Thread(target=clock.run_due) for clock in clocks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with desk.store.read() as connection:
        told = connection.execute(
            select(tables.event.c.task_id, tables.event.c.why, func.count())
            .where(tables.event.c.kind == "task.reminded")
            .group_by(tables.event.c.task_id, tables.event.c.why)
        ).all()
        left = connection.execute(
            select(func.count()).where(
                tables.reminder.c.state == ReminderState.WAITING.value, tables.reminder.c.due_at <= desk.now
            )
        ).scalar_one()
        verify_history(connection)
    assert {count for _, _, count in told} == {1}
    assert left == 0


def test_a_clockwork_killed_in_the_middle_goes_on_without_telling_anything_twice(desk):
    desk.now = NOON
    for n in range(20):
        desk.intake.record(an_observation(lonlat=north_of(900.0 + 50 * n), first_seen_at=NOON, last_seen_at=NOON))
    program = textwrap.dedent(
        """
        import os, sys, threading
        from datetime import datetime
        from dispatch_api.cases.matters import load_matters
        from dispatch_api.clockwork import firing, running
        from dispatch_api.store import open_store
        firing.BATCH = 5
        at = datetime.fromisoformat(sys.argv[2])
        store = open_store(sys.argv[1])
        rounds = iter(range(int(sys.argv[3])))
        def now():
            if next(rounds, None) is None:
                os.kill(os.getpid(), 9)
            return at
        running.Clockwork(store, load_matters(), now=now).run_due()
        """
    )
    at = NOON + 5 * HOUR
    for rounds in (3, 9, 1000):
        done = subprocess.run(
            [sys.executable, "-c", program, desk.store.url, at.isoformat(), str(rounds)], check=False, timeout=120
        )
        assert done.returncode == (0 if rounds == 1000 else -9)
    with desk.store.read() as connection:
        told = connection.execute(
            select(tables.event.c.task_id, tables.event.c.why).where(tables.event.c.kind == "task.reminded")
        ).all()
        verify_history(connection)
    assert len(told) == len(set(told))
    tasks = {row.task_id for row in told}
    assert len(tasks) == 21 * 4  # drainage, town, traffic police and emergency of each puddle


@pytest.mark.parametrize("flag", ["handed_over", "supervised"])
def test_the_centre_sets_flags_with_a_reason_and_nobody_else_does(desk, flag):
    for stranger in (DRAINER, PILOT):
        with pytest.raises(Forbidden):
            desk.flag(flag, reason="x", by=stranger)
    with pytest.raises(InvalidRequest, match="reason"):
        desk.flag(flag, reason="  ")
    before = desk.case()
    after = desk.flag(flag, reason="证据固定")
    assert (after.state, after.version) == (before.state, before.version + 1)
    assert len(happened(desk, f"case.{flag}")) == 1


def test_a_case_is_handed_over_once_and_its_clean_up_goes_on(desk):
    desk.flag("handed_over", reason="移送处罚系统")
    assert (desk.case().handed_over_at, desk.task("drainage").state) == (desk.now, "sent")
    with pytest.raises(IllegalTransition, match="handed over already"):
        desk.flag("handed_over", reason="again")
