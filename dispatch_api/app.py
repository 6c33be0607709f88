"""The HTTP service as a function of its parts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dispatch_api import pages, stream
from dispatch_api.accounts.access import declared_routes
from dispatch_api.accounts.keeper_routes import router as keeper_routes
from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.routes import router as account_routes
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.admission import admit
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import Matters, load_matters
from dispatch_api.cases.routes import router as case_routes
from dispatch_api.cases.service import CaseDesk
from dispatch_api.deliveries.routes import router as delivery_routes
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routes import router as department_routes
from dispatch_api.departments.routing import Routing, load_routing
from dispatch_api.doors.sighting_desk import SightingDesk
from dispatch_api.doors.sightings import router as sighting_routes
from dispatch_api.errors import DispatchError, IllegalTransition, InvalidRequest, TooManyAttempts, http_face
from dispatch_api.evidence.routes import router as evidence_routes
from dispatch_api.evidence.vault import Vault
from dispatch_api.flights.routes import router as flight_routes
from dispatch_api.headers import SECURITY_HEADERS, SecurityHeaders
from dispatch_api.parts import DemoAccount, Parts
from dispatch_api.store import Store
from dispatch_api.tasks.routes import router as task_routes
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.checklists import load_visit_rules
from dispatch_api.visits.routes import router as visit_routes
from dispatch_api.visits.service import VisitDesk
from dispatch_api.zones_at import ZonesAt

API_PREFIX = "/api/v1"
PROBLEM_JSON = "application/problem+json"
STATIC_DIR = Path(__file__).parent / "static"

ROUTERS: tuple[tuple[str, APIRouter], ...] = (
    (API_PREFIX, account_routes),
    (API_PREFIX, keeper_routes),
    (API_PREFIX, case_routes),
    (API_PREFIX, task_routes),
    (API_PREFIX, evidence_routes),
    (API_PREFIX, flight_routes),
    (API_PREFIX, department_routes),
    (API_PREFIX, visit_routes),
    (API_PREFIX, sighting_routes),
    (API_PREFIX, delivery_routes),
    (API_PREFIX, stream.router),
    ("", pages.router),
)
"""Every router with the prefix under which it is served; the pages come last, for they answer whatever is left."""

_log = logging.getLogger(__name__)


def create_app(
    store: Store,
    *,
    matters: Matters | None = None,
    routing: Routing | None = None,
    demo_accounts: Sequence[DemoAccount] = (),
    static_dir: Path = STATIC_DIR,
    passwords: Passwords | None = None,
) -> FastAPI:
    """Build the service.

    Args:
        store: An open store; the caller closes it.
        matters: The city's matters; the defaults where left out.
        routing: The city's routing rules; the defaults where left out.
        demo_accounts: Accounts whose passwords the log-in page shows: for a demo store only.
        static_dir: Folder of the built console.
        passwords: Hashing, where a test wants a quicker one.

    Raises:
        AccessUndeclared: A route says nowhere who may call it.
    """
    matters = matters or load_matters()
    routing = routing or load_routing(matters=matters, departments=load_departments())
    # One cap on hashes for log-in and for new passwords together.
    passwords = passwords or Passwords()
    tasks = TaskDesk(store, matters, routing)
    # The interactive documentation would load scripts from elsewhere; the description itself stays.
    app = FastAPI(
        title="flyonce",
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
    )
    intake = Intake(store, matters, routing)
    app.state.parts = Parts(
        store=store,
        matters=matters,
        routing=routing,
        vault=Vault(store.evidence_dir),
        sessions=SessionDesk(store, passwords=passwords, departments=routing.departments),
        accounts=AccountDesk(store, passwords=passwords, departments=tuple(routing.departments.by_key)),
        keys=KeyDesk(store, routing.departments),
        cases=CaseDesk(store, matters, routing),
        tasks=tasks,
        visits=VisitDesk(store, load_visit_rules(matters=matters), tasks),
        intake=intake,
        sightings=SightingDesk(store, matters, intake, ZonesAt(store)),
        demo_accounts=tuple(demo_accounts),
        static_dir=static_dir,
    )
    # A route that nobody said a rule for stops the service here, and `admit` would refuse it to everybody.
    list(declared_routes(ROUTERS))
    for prefix, router in ROUTERS:
        app.include_router(router, prefix=prefix)
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(DispatchError, _domain_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Exception, _defect)
    return app


def _domain_problem(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, DispatchError):  # pragma: no cover - the registration above says what comes here
        raise error
    status, slug, title = http_face(error)
    if status >= 500:
        _log.error("%s", error)
    more: dict[str, Any] = {}
    headers: dict[str, str] = {}
    if isinstance(error, IllegalTransition):
        more = {"current": error.current, "to": error.to, "allowed": list(error.allowed)}
    if isinstance(error, InvalidRequest):
        more = {"field": error.field}
    if isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.retry_after_s)}
    # What went wrong inside names files of this machine: that is for the log, not for the page.
    detail = str(error) if status < 500 or status == 503 else title
    return _problem(status, slug, title, detail, more, headers)


def _validation_problem(_request: Request, error: Exception) -> JSONResponse:
    found = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
    field = ".".join(str(step) for step in found["loc"])
    return _problem(422, "invalid-request", "The request lacks something", f"{field}: {found['msg']}", {"field": field})


def _http_problem(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else "failure"
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _problem(status, f"http-{status}", detail, detail, {}, headers)


def _defect(_request: Request, _error: Exception) -> JSONResponse:
    # The server logs the error itself; the outermost layer answers here, beyond the middleware that sets the headers.
    return _problem(500, "failure", "The service failed", "The service failed; its log says why.", {}, SECURITY_HEADERS)


def _problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    more: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    content = {
        "type": f"urn:flyonce:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return JSONResponse(content, status_code=status, headers=headers, media_type=PROBLEM_JSON)
