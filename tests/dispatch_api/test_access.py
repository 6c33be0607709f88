"""Every route, as everybody: generated from the list of routes, so that a new one without a rule fails here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from access_town import NOT_ADMITTED, TREE, AccessTown, Asker, sees, settle_askers, settle_objects
from dispatch_client import Browser
from dispatch_people import PASSWORD, QUICK
from fastapi import APIRouter
from starlette.routing import Route

from dispatch_api.accounts.access import Access, DeclaredRoute, declared_routes, open_to, open_to_anybody
from dispatch_api.accounts.model import Role, Scope
from dispatch_api.app import ROUTERS, create_app
from dispatch_api.cases.matters import load_matters
from dispatch_api.configuration import default_file
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.errors import AccessUndeclared
from dispatch_api.store import open_store

ROUTES = tuple(declared_routes(ROUTERS))
CHANGES = tuple(route for route in ROUTES if route.method not in {"GET", "HEAD"})
OPEN_TO_ANYBODY = {
    ("POST", "session"),
    ("GET", "session/methods"),
    ("GET", "session/oidc"),
    ("GET", "session/oidc/callback"),
    ("GET", "session/oidc/logged-out"),
    ("POST", "session/oidc/backchannel"),
    ("GET", "demo"),
}
OF_OBJECTS = tuple(route for route in ROUTES if route.access.of is not None)


def called(route: DeclaredRoute) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def town(templates, tmp_path_factory) -> Iterator[AccessTown]:
    folder = tmp_path_factory.mktemp("access")
    shutil.copy(templates[1], folder / "city.db")
    default = default_file("departments.yaml").read_text("utf-8").splitlines()
    listed = [line for line in default if not line.strip().startswith("- {key: drainage,")]
    (folder / "departments.yaml").write_text("\n".join(listed) + TREE, "utf-8")
    matters = load_matters()
    routing = load_routing(matters=matters, departments=load_departments(folder / "departments.yaml"))
    with open_store(f"sqlite:///{folder}/city.db") as store:
        app = create_app(store, matters=matters, routing=routing, passwords=QUICK)
        objects = settle_objects(store, matters, routing, folder)
        built = AccessTown(app=app, objects=objects | a_visit_and_a_storm(app, objects), askers=settle_askers(store))
        yield built
        built.close()


def a_visit_and_a_storm(app, objects) -> dict[str, str]:
    """A visit of the drainage department alone, and a storm with its two puddles."""
    chief = Browser(app)
    chief.log_in("chief", PASSWORD)
    cases = [objects["case_id"], objects["second_case_id"]]
    day = chief.json("/api/v1/visits/suggestions")["day"]
    planned = {"day": day, "case_ids": cases, "departments": ["drainage"]}
    answer = chief.post("/api/v1/visits", planned)
    assert answer.status_code == 201, answer.text
    visit = answer.json()
    storm = chief.post("/api/v1/storms", {"name": "x", "case_ids": cases}).json()
    chief.close()
    return {
        "storm_id": storm["storm_id"],
        "visit_id": visit["visit_id"],
        "line_id": str(visit["stop"][0]["lines"][0]["line_id"]),
    }


def expected(asker: Asker, access: Access) -> str:
    """What the rule says, told anew: `open`, `log in`, `no` or `hidden`."""
    if access.anybody:
        return "open"
    account = asker.account
    if account is None or (account.role is not Role.PIPELINE and not access.roles):
        return "log in"
    admitted = access.scope in account.scopes if account.role is Role.PIPELINE else account.role in access.roles
    if not admitted:
        return "no"
    return "hidden" if access.of is not None and not sees(account, access.of) else "open"


def found(answer) -> str:
    """What the service did: the same words."""
    if answer.status_code == 401 and answer.json()["type"] == "urn:flyonce:problem:not-logged-in":
        return "log in"
    if answer.status_code == 403 and answer.json()["type"] == NOT_ADMITTED:
        return "no"
    return "hidden" if answer.status_code == 404 else "open"


@pytest.mark.parametrize("route", ROUTES, ids=called)
def test_a_route_is_open_to_those_whom_its_rule_names_and_to_nobody_else(town, route):
    for asker in town.askers:
        answer = town.ask(asker, route)
        wanted, got = expected(asker, route.access), found(answer)
        assert answer.status_code < 500, (asker.label, answer.text)
        if wanted == "open" and route.access.of is None and got == "hidden":
            continue  # Admitted, and what it asks for is not there.
        hint = "say in access_town.py what words its body needs" if answer.status_code == 422 else answer.text
        assert got == wanted, (asker.label, answer.status_code, hint)


@pytest.mark.parametrize("route", [route for route in CHANGES if not route.access.anybody], ids=called)
def test_a_browsers_change_needs_its_token_on_every_route(town, route):
    for asker in town.askers:
        if asker.name is not None and asker.account.role in route.access.roles:
            answer = town.ask(asker, route, csrf=False)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:flyonce:problem:forbidden")
            assert "X-CSRF-Token" in answer.json()["detail"]


def test_the_rules_keep_to_what_the_roles_are_for():
    own = {"/api/v1/session", "/api/v1/session/password"}
    # A POST, since whoever opens an original says why; an auditor may look at it all the same.
    looked_at = {"/api/v1/evidence/{original_sha256}/original", "/api/v1/cases/{case_id}/evidence-pack"}
    for route in CHANGES:
        if route.path not in own | looked_at:
            assert Role.AUDITOR not in route.access.roles, called(route)
    for route in OF_OBJECTS:
        assert Role.ADMIN not in route.access.roles, called(route)
        assert route.method != "GET" or Role.AUDITOR in route.access.roles, called(route)
    for route in CHANGES:
        assert route.access.scope in {None, Scope.SIGHTINGS_WRITE, Scope.REPORTS_WRITE}, called(route)
    open_paths = {called(route) for route in ROUTES if route.access.anybody and route.path.startswith("/api/v1")}
    assert open_paths == {f"{method} /api/v1/{path}" for method, path in OPEN_TO_ANYBODY}


def test_every_route_that_is_described_is_one_of_the_list(town):
    listed = {(route.method, route.path) for route in ROUTES}
    described = town.app.openapi()["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} <= listed
    assert len(described) >= 30


def test_a_new_route_without_a_rule_stops_the_service(monkeypatch, store):
    router = APIRouter()

    @router.get("/new")
    def new() -> dict[str, str]:
        return {}

    with pytest.raises(AccessUndeclared, match="new"):
        list(declared_routes([("/api/v1", router)]))
    monkeypatch.setattr("dispatch_api.app.ROUTERS", (*ROUTERS, ("/api/v1", router)))
    with pytest.raises(AccessUndeclared, match="open_to"):
        create_app(store, passwords=QUICK)


def test_a_route_that_comes_past_the_list_is_served_to_nobody(store, people):
    app = create_app(store, passwords=QUICK)

    def sneaked() -> dict[str, str]:
        return {"secret": "42"}

    router = APIRouter()
    router.add_api_route("/api/v1/sneaked", sneaked)
    pages = app.router.routes.pop()
    app.include_router(router)
    app.router.routes.append(pages)
    chief = Browser(app, raise_defects=False)
    chief.log_in("chief", PASSWORD)
    answer = chief.get("/api/v1/sneaked")
    chief.close()
    assert answer.status_code == 500
    assert "42" not in answer.text


def test_a_kind_of_route_that_cannot_carry_a_rule_is_refused():
    router = APIRouter()
    router.routes.append(Route("/plain", lambda _request: None))
    with pytest.raises(AccessUndeclared, match="/plain"):
        list(declared_routes([("", router)]))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"anybody": True, "roles": frozenset({Role.CENTRE})},
        {"roles": frozenset({Role.PIPELINE})},
        {"anybody": True, "scope": Scope.CASES_READ},
    ],
)
def test_a_rule_that_makes_no_sense_cannot_be_declared(wrong):
    with pytest.raises(ValueError, match=r"open|machines"):
        Access(**wrong)


def test_a_rule_may_be_declared_above_or_below_the_address():
    router = APIRouter()

    @open_to([Role.CENTRE])
    @router.get("/above")
    def above() -> None: ...

    @router.get("/below")
    @open_to_anybody
    def below() -> None: ...

    rules = {route.path: route.access for route in declared_routes([("", router)])}
    assert rules == {"/above": Access(roles=frozenset({Role.CENTRE})), "/below": Access(anybody=True)}
