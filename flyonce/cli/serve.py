"""`flyonce serve`: the API and the pages."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from flyonce.cli.output import emit_json, fail, say
from flyonce.os_user import at_command_line
from flyonce.settings import Settings


def serve(
    store: Annotated[str | None, typer.Option(help="Store URL, like sqlite:///city.db; a new one is created.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; the default is this machine only.")] = None,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments.")] = None,
    routing: Annotated[Path | None, typer.Option(help="The city's routing rules.")] = None,
    retention: Annotated[
        Path | None, typer.Option(help="For how long the city keeps what is not kept for ever.")
    ] = None,
    oidc: Annotated[
        Path | None, typer.Option(help="The city's own log-in (OpenID Connect), see docs/people.md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as one JSON object on stdout.")] = False,
) -> None:
    """Serve API and pages until Ctrl-C."""
    import uvicorn

    from dispatch_api.accounts.oidc_file import load_oidc
    from dispatch_api.app import create_app
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.clockwork.running import Clockwork
    from dispatch_api.deliveries.receivers import ReceiverDesk
    from dispatch_api.departments.model import load_departments
    from dispatch_api.departments.routing import load_routing
    from dispatch_api.errors import DispatchError
    from dispatch_api.one_write import OneWriteProtocol
    from dispatch_api.retention.rules import load_retention
    from dispatch_api.store import open_store
    from flyonce.delivering import delivering

    settings = Settings()
    url = store or settings.store
    listening = _listen(host or settings.host, settings.port if port is None else port)
    try:
        city = load_matters(matters)
        rules = load_routing(routing, matters=city, departments=load_departments(departments))
        kept = load_retention(retention)
        log_in = load_oidc(oidc, departments=rules.departments.by_key) if oidc else None
        opened = open_store(url, create=True)
        messages = delivering(opened, settings, matters=city, departments=rules.departments)
    except DispatchError as error:
        listening.close()
        fail(error)
    address = _address(listening)
    with opened:
        # This process has the city's own file: what it says of who is below whom counts for all.
        ReceiverDesk(opened, departments=rules.departments).follow_tree(by=at_command_line())
        if as_json:
            emit_json({"url": address, "store": opened.shown_url})
        say(f"flyonce serves {opened.shown_url} at {address} (stop with Ctrl-C)")
        config = uvicorn.Config(
            create_app(opened, matters=city, routing=rules, oidc=log_in),
            http=OneWriteProtocol,
            log_level="warning",
            timeout_graceful_shutdown=3,
        )
        _settle_memory()
        # Ctrl-C is how a server is meant to stop: uvicorn ends its work, then raises it again.
        with Clockwork(opened, city, retention=kept), messages.thread(), suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _settle_memory() -> None:
    """What there is when the service begins stays until it ends: collections of garbage need not look through it.

    Each that did stopped the service for a tenth of a second, every two seconds under load.
    """
    gc.collect()
    gc.freeze()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves small answers to wait for the client's delayed acknowledgement, 40 ms each.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        fail(f"{host}:{port} cannot be listened on ({error.strerror}). Choose another --port, or stop what uses it.")
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
