"""Serves the demo's pages on loopback while it runs, with the ground's picture under the map."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from dispatch_api.app import API_PREFIX, create_app
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.store import Store
from flyonce.demo.accounts import demo_accounts, demo_passwords
from flyonce.demo.errors import DemoError
from flyonce.demo.world import BASEMAP_FILE, DEPARTMENTS_FILE

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 20.0


def demo_app(store: Store, folder: Path) -> ASGIApp:
    """The service of everybody over a demo run's folder, with its accounts on the log-in page and its base map."""
    matters = load_matters()
    departments = load_departments(folder / DEPARTMENTS_FILE)
    routing = load_routing(matters=matters, departments=departments)
    service = create_app(
        store,
        matters=matters,
        routing=routing,
        demo_accounts=demo_accounts(departments),
        passwords=demo_passwords(),
    )
    basemap_path = folder / BASEMAP_FILE
    extent = json.loads(basemap_path.with_suffix(".json").read_text(encoding="utf-8"))["extent_lonlat"]
    picture_url = f"{API_PREFIX}/basemap.jpg"

    def basemap(_request: Request) -> Response:
        return JSONResponse({"url": picture_url, "extent_lonlat": extent})

    def picture(_request: Request) -> Response:
        return FileResponse(basemap_path, media_type="image/jpeg")

    return Starlette(
        routes=[Route(f"{API_PREFIX}/basemap", basemap), Route(picture_url, picture), Mount("/", service)],
    )


@contextmanager
def serving(app: ASGIApp, port: int) -> Iterator[str]:
    """Serves `app` on a thread as long as the context lasts.

    Args:
        app: What to serve.
        port: On loopback; 0 takes a free one.

    Yields:
        The address to open.

    Raises:
        DemoError: The port is taken, or the server did not start.
    """
    listener = _listener(port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="server", daemon=True)
    thread.start()
    try:
        _wait_until_up(server, thread)
        yield f"http://{_HOST}:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def check_port(port: int) -> None:
    """Finds out whether the port is free before anything long begins.

    Raises:
        DemoError: It is taken.
    """
    _listener(port).close()


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as cause:
        listener.close()
        raise DemoError(f"Port {port} cannot be served on ({cause.strerror}). Give another one with --port.") from cause
    return listener


def _wait_until_up(server: uvicorn.Server, thread: threading.Thread) -> None:
    give_up_at = time.monotonic() + _START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > give_up_at:
            raise DemoError("The page's server did not start; run again with --verbose to see why.")
        time.sleep(0.02)
