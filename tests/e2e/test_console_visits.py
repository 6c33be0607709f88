"""The page of a joint visit: two people who write at once do not write over each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_city import City, a_city
from playwright.sync_api import expect

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.store.times import utc_now
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.checklists import load_visit_rules
from dispatch_api.visits.records import lines_of
from dispatch_api.visits.schemas import LineReport, NewVisit, Signature, VisitChange
from dispatch_api.visits.service import VisitDesk


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> Iterator[City]:
    with a_city(tmp_path_factory.mktemp("city")) as built:
        yield built


def somebody(name: str, role: Role, department: str | None = None) -> Account:
    return Account(
        account_id=0, name=name, display_name_zh=name, display_name_en=name, role=role, department=department
    )


CENTRE = somebody("centre", Role.CENTRE)
COLLEAGUE = somebody("colleague", Role.HANDLER, "drainage")


def test_who_writes_what_a_colleague_has_just_written_is_shown_that_first(visitor, city):
    matters = load_matters()
    tasks = TaskDesk(city.store, matters, load_routing(matters=matters, departments=load_departments()))
    desk = VisitDesk(city.store, load_visit_rules(matters=matters), tasks)
    recorded = city.puddle(51, -150, -150)
    today = matters.calendar.local_date(utc_now())
    visit = desk.plan(NewVisit(day=today, case_ids=(recorded.case_id,), departments=("drainage",)), by=CENTRE)
    desk.transition(visit.visit_id, VisitChange(to="under_way"), by=CENTRE)
    with city.store.read() as connection:
        (line,) = lines_of(connection, visit.visit_id)
    path = f"/visits/{visit.visit_id}"
    one = visitor(refusals={(412, f"/api/v1{path}/lines/{line.line_id}")})
    page = one.log_in("drainage")
    # Without the stream the page does not hear of what others do.
    page.route("**/api/v1/stream*", lambda route: route.fulfill(status=204))
    page.goto(f"{city.url}{path}")
    page.locator(".line-form textarea").fill("泵坏了")
    page.locator(".line-form input[value=not_done]").check()
    told = LineReport(result="nothing_found", note="水已退")
    desk.report(visit.visit_id, line.line_id, told, by=COLLEAGUE)
    desk.sign(visit.visit_id, Signature(name="张三", form="typed"), by=COLLEAGUE)

    page.click("[data-report]")
    expect(page.locator(".toasts")).to_contain_text("其他人刚刚作了修改")
    expect(page.locator(".line-note")).to_have_text("水已退")

    page.locator(".line-form textarea").fill("泵坏了")
    page.click("[data-report]")
    expect(page.locator(".line-note")).to_have_text("泵坏了")
    expect(page.locator("[data-outdated]")).to_have_text("签名后内容有改动")
