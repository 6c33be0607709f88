"""A town as it is on its first day: the service, one admin, and the doors through which all else comes."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from console_browser import Visitor
from console_city import QUICK, Server, place, zones
from playwright.sync_api import Page

from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.matters import load_matters
from dispatch_api.deliveries.addresses import Guard, networks_of
from dispatch_api.deliveries.relay import Pace
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.deliveries.service import Delivering, Sending
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.flights.zones import ZoneDesk
from dispatch_api.store import Store, open_store

PASSWORD = "a town's own password"
# Log-in name, role, department.
PEOPLE = (
    ("centre", "centre", None),
    ("operator", "operator", None),
    ("auditor", "auditor", None),
    ("wang", "handler", "drainage"),
    ("zhao", "leader", "drainage"),
    ("li", "leader", "town"),
    ("chen", "handler", "emergency"),
    ("sun", "handler", "traffic_police"),
)


@dataclass(kw_only=True)
class Answer:
    """What the service answered to a machine."""

    status: int
    body: Any


@dataclass(frozen=True, kw_only=True)
class Town:
    """The running town."""

    server: Server
    store: Store
    key: str = field(repr=False)

    @property
    def url(self) -> str:
        return self.server.url

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Post JSON as a machine does, without any library of ours."""
        given = {"Content-Type": "application/json", **headers}
        return _sent(urllib.request.Request(self.url + path, json.dumps(body).encode(), given))

    def sighting(self, number: str, east_m: float, north_m: float, *, key: str | None = None, **more) -> Answer:
        """What a pipeline saw, handed in with its key."""
        lon, lat = place(east_m, north_m)
        seen_at = datetime.now(UTC) - timedelta(minutes=3)
        body = {
            "matter": "waterlogging.road",
            "confidence": 0.94,
            "lon": lon,
            "lat": lat,
            "covariance_m2": [[2.2, 0.4], [0.4, 1.3]],
            "seen_at": seen_at.isoformat(),
            "flight_id": "morning",
            "extent_m2": 24.0,
        } | more
        sent = {"Authorization": f"Bearer {key or self.key}", "Idempotency-Key": number}
        return self.post("/api/v1/sightings", body, **sent)

    def case(self, number: str, east_m: float, north_m: float, **more) -> str:
        """The case that a sighting made."""
        answer = self.sighting(number, east_m, north_m, **more)
        assert answer.status == 201, answer.body
        return answer.body["case_id"]

    def report(self, **form: str) -> str:
        """What a citizen sends by Open311; the id of the request."""
        data = urllib.parse.urlencode({"service_code": "waterlogging.road"} | form).encode()
        answer = _sent(urllib.request.Request(f"{self.url}/open311/v2/requests.json", data))
        assert answer.status == 200, answer.body
        return answer.body[0]["service_request_id"]

    def request(self, request_id: str) -> dict[str, Any]:
        """What everybody reads of a citizen's request."""
        return _sent(urllib.request.Request(f"{self.url}/open311/v2/requests/{request_id}.json")).body[0]


def _sent(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(status=answer.status, body=json.loads(answer.read() or b"null"))
    except urllib.error.HTTPError as refused:
        return Answer(status=refused.code, body=json.loads(refused.read() or b"null"))


@contextmanager
def a_town(folder: Path, *, networks: str = "", attempts: int = 2) -> Iterator[Town]:
    """A town without demo accounts behind a real server, its messages sent by a real relay."""
    matters, departments = load_matters(), load_departments()
    routing = load_routing(matters=matters, departments=departments)
    with open_store(f"sqlite:///{folder}/town.db", create=True) as store:
        create_account(store, "admin", PASSWORD, "admin", passwords=QUICK, display_name_zh="系统管理员")
        for name, role, department in PEOPLE:
            create_account(store, name, PASSWORD, role, department, passwords=QUICK, display_name_zh=f"{name} 同志")
        ZoneDesk(store).replace(zones())
        server = Server(create_app(store, matters=matters, routing=routing, passwords=QUICK))
        server.start()
        # Two tries, a moment apart: after them a message is dead.
        schedule = Schedule(waits_s=(0.0,) + (0.1,) * (attempts - 1), jitter=0.0, breaks_after=10_000)
        sending = Sending(guard=Guard(allowed=networks_of([networks])), schedule=schedule, pace=Pace(poll_s=0.1))
        relay = Delivering(store=store, matters=matters, departments=departments, sending=sending).thread()
        relay.start()
        try:
            yield Town(server=server, store=store, key=_a_key(store))
        finally:
            relay.stop()
            server.stop()


def _a_key(store: Store) -> str:
    from dispatch_api.accounts.keys import KeyDesk
    from dispatch_api.accounts.model import system_actor

    secret, _ = KeyDesk(store).create("pipeline", by=system_actor("command-line"))
    return secret


def log_in(visitor: Visitor, name: str, password: str = PASSWORD) -> Page:
    """Log in by the form, as people do."""
    page = visitor.go("/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


class Receiver:
    """A department's own system on loopback: it answers with `status`, and keeps what it got."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[str, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append((self.headers["webhook-id"], body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
