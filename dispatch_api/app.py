"""The HTTP service as a function of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

from dispatch_api import health, pages, stream
from dispatch_api.accounts.access import declared_routes
from dispatch_api.accounts.keeper_routes import router as keeper_routes
from dispatch_api.accounts.keys import KeyDesk
from dispatch_api.accounts.oidc import OidcDesk
from dispatch_api.accounts.oidc_file import OidcSettings
from dispatch_api.accounts.oidc_routes import router as oidc_routes
from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.routes import router as account_routes
from dispatch_api.accounts.service import AccountDesk
from dispatch_api.accounts.sessions import SessionDesk
from dispatch_api.admission import admit
from dispatch_api.body_limit import BodyLimit
from dispatch_api.cases.history_routes import router as history_routes
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import Matters, load_matters
from dispatch_api.cases.routes import router as case_routes
from dispatch_api.cases.service import CaseDesk
from dispatch_api.deliveries.routes import router as delivery_routes
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routes import router as department_routes
from dispatch_api.departments.routing import Routing, load_routing
from dispatch_api.described import describe_errors
from dispatch_api.doors.export.routes import router as export_routes
from dispatch_api.doors.ogc.routes import ERRORS as OGC_ERRORS
from dispatch_api.doors.ogc.routes import PREFIX as OGC
from dispatch_api.doors.ogc.routes import ogc_error
from dispatch_api.doors.ogc.routes import router as ogc_routes
from dispatch_api.doors.open311.desk import ReportDesk
from dispatch_api.doors.open311.report_routes import router as report_routes
from dispatch_api.doors.open311.routes import router as open311_routes
from dispatch_api.doors.open311.wire import ERRORS as GEOREPORT_ERRORS
from dispatch_api.doors.open311.wire import PREFIX as OPEN311
from dispatch_api.doors.open311.wire import georeport_error
from dispatch_api.doors.sighting_desk import SightingDesk
from dispatch_api.doors.sightings import router as sighting_routes
from dispatch_api.evidence.routes import router as evidence_routes
from dispatch_api.evidence.vault import Vault
from dispatch_api.figures.routes import router as figure_routes
from dispatch_api.flights.routes import router as flight_routes
from dispatch_api.headers import SecurityHeaders
from dispatch_api.no_nul import NoNul
from dispatch_api.parts import DemoAccount, Parts
from dispatch_api.problems import add_problem_handlers, speaker_of
from dispatch_api.store import Store
from dispatch_api.storms.routes import router as storm_routes
from dispatch_api.storms.rules import load_storm_rules
from dispatch_api.storms.service import StormDesk
from dispatch_api.tasks.routes import router as task_routes
from dispatch_api.tasks.service import TaskDesk
from dispatch_api.visits.checklists import load_visit_rules
from dispatch_api.visits.routes import router as visit_routes
from dispatch_api.visits.service import VisitDesk
from dispatch_api.zones_at import ZonesAt

API_PREFIX = "/api/v1"
STATIC_DIR = Path(__file__).parent / "static"

ROUTERS: tuple[tuple[str, APIRouter], ...] = (
    (API_PREFIX, sighting_routes),
    (API_PREFIX, account_routes),
    (API_PREFIX, oidc_routes),
    (API_PREFIX, keeper_routes),
    (API_PREFIX, case_routes),
    (API_PREFIX, task_routes),
    (API_PREFIX, evidence_routes),
    (API_PREFIX, flight_routes),
    (API_PREFIX, department_routes),
    (API_PREFIX, visit_routes),
    (API_PREFIX, storm_routes),
    (API_PREFIX, figure_routes),
    (API_PREFIX, delivery_routes),
    (API_PREFIX, history_routes),
    (API_PREFIX, report_routes),
    (API_PREFIX, export_routes),
    (API_PREFIX, stream.router),
    (OPEN311, open311_routes),
    (OGC, ogc_routes),
    ("", health.router),
    ("", pages.router),
)
"""Every router with the prefix under which it is served, in the order in which an address is looked for: what machines
ask all the time comes first, the pages last, for they answer whatever is left."""


def create_app(
    store: Store,
    *,
    matters: Matters | None = None,
    routing: Routing | None = None,
    demo_accounts: Sequence[DemoAccount] = (),
    static_dir: Path = STATIC_DIR,
    passwords: Passwords | None = None,
    oidc: tuple[OidcSettings, str | None] | None = None,
) -> FastAPI:
    """Build the service.

    Args:
        store: An open store; the caller closes it.
        matters: The city's matters; the defaults where left out.
        routing: The city's routing rules; the defaults where left out.
        demo_accounts: Accounts whose passwords the log-in page shows: for a demo store only.
        static_dir: Folder of the built console.
        passwords: Hashing, where a test wants a quicker one.
        oidc: The city's own log-in and this client's secret, as `load_oidc` reads them.

    Raises:
        AccessUndeclared: A route says nowhere who may call it.
        ConfigurationError: The city's own log-in needs what is not installed.
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
        # Nobody can set these up here, and asking at each request whether somebody did costs a tenth of it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    intake, zones_at = Intake(store, matters, routing), ZonesAt(store)
    app.state.reports = ReportDesk(store, matters, intake, zones_at)
    sessions = SessionDesk(store, passwords=passwords, departments=routing.departments)
    accounts = AccountDesk(store, passwords=passwords, departments=tuple(routing.departments.by_key))
    keys = KeyDesk(store, routing.departments)
    app.state.parts = Parts(
        store=store,
        matters=matters,
        routing=routing,
        vault=Vault(store.evidence_dir),
        sessions=sessions,
        accounts=accounts,
        oidc=OidcDesk(*oidc, accounts=accounts, sessions=sessions) if oidc else None,
        keys=keys,
        cases=CaseDesk(store, matters, routing),
        tasks=tasks,
        visits=VisitDesk(store, load_visit_rules(matters=matters), tasks),
        storms=StormDesk(store, load_storm_rules(matters=matters), matters),
        intake=intake,
        sightings=SightingDesk(store, matters, intake, zones_at, keys),
        demo_accounts=tuple(demo_accounts),
        static_dir=static_dir,
    )
    # A route that nobody said a rule for stops the service here, and `admit` would refuse it to everybody.
    list(declared_routes(ROUTERS))
    for prefix, router in ROUTERS:
        app.include_router(router, prefix=prefix)
    speaker = speaker_of({OPEN311: georeport_error, OGC: ogc_error})
    app.add_middleware(NoNul, speaker=speaker)
    app.add_middleware(BodyLimit, speaker=speaker)
    app.add_middleware(SecurityHeaders)
    add_problem_handlers(app, speaker)
    describe_errors(app, declared_routes(ROUTERS), {OPEN311: GEOREPORT_ERRORS, OGC: OGC_ERRORS})
    return app
