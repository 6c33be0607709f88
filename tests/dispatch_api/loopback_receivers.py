"""Real receivers on loopback that do what they are told: answer, fail, hang, flood, go away and come back."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dispatch_builders import default_rules

from dispatch_api.accounts.model import system_actor
from dispatch_api.deliveries.addresses import Guard, networks_of
from dispatch_api.deliveries.channels import ReceiverKind
from dispatch_api.deliveries.outbox import post
from dispatch_api.deliveries.receivers import NewReceiver, ReceiverDesk
from dispatch_api.deliveries.schedule import Schedule
from dispatch_api.deliveries.service import Delivering, Sending

LOOPBACK = Guard(allowed=networks_of(["127.0.0.0/8"]))
BY = system_actor("test")
START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MB = 1 << 20
# Reading the system's certificates takes longer than most tests.
TRUSTED = ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class Got:
    """One request, as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer; `megabytes` more of it than anybody wants."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    megabytes: int = 0
    hang: bool = False


class LoopbackReceiver:
    """An HTTP server in a thread of its own; `answer` says what request number n (from 1) is answered."""

    def __init__(
        self, answer: Callable[[int, Got], Reply] = lambda n, got: Reply(), *, tls: ssl.SSLContext | None = None
    ):
        self.answer = answer
        self.got: list[Got] = []
        self.sent_bytes = 0
        self.at_once = 0
        self.most_at_once = 0
        self.let_go = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._serve(self)

            def log_message(self, *_args) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            allow_reuse_address = True

            def handle_error(self, *_args) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Go away: connections are refused from now on."""
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def ids(self) -> list[str]:
        return [got.message_id for got in self.got]

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("content-length", 0))
        body = request.rfile.read(length)
        if len(body) < length:
            # Whoever sent it was killed halfway through: nothing has come.
            request.close_connection = True
            return
        got = Got(path=request.path, headers={k.lower(): v for k, v in request.headers.items()}, body=body)
        with self._lock:
            self.got.append(got)
            number = len(self.got)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.answer(number, got)
            if reply.hang:
                self.let_go.wait(60)
                request.close_connection = True
                return
            self._write(request, reply)
        finally:
            with self._lock:
                self.at_once -= 1

    def _write(self, request: BaseHTTPRequestHandler, reply: Reply) -> None:
        request.send_response(reply.status)
        for name, value in reply.headers.items():
            request.send_header(name, value)
        if reply.status != 204:
            request.send_header("content-length", str(len(reply.body) + reply.megabytes * MB))
        request.end_headers()
        try:
            request.wfile.write(reply.body)
            for _ in range(reply.megabytes):
                request.wfile.write(b"x" * MB)
                self.sent_bytes += MB
        except OSError:
            request.close_connection = True


class Clock:
    """A clock that stands still until it is set on."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


def a_desk(store, now=None) -> ReceiverDesk:
    _, routing = default_rules()
    return ReceiverDesk(store, departments=routing.departments, **({"now": now} if now else {}))


def add_receiver(store, name: str, url: str, now=None, **changes) -> str | None:
    new = {"name": name, "kind": ReceiverKind.WEBHOOK, "url": url}
    return a_desk(store, now).add(NewReceiver(**(new | changes)), by=BY).secret


def a_message(store, at: datetime, *, number: str = "20261123-0001", colour: str = "yellow", **changes) -> str:
    data = {"number": number, "matter": "waterlogging.road", "place": "人民路", "link": "/cases/1"}
    words = {
        "type": "task.dispatched.v1",
        "subject": "tasks/1",
        "case_id": None,
        "departments": ["drainage"],
        "colour": colour,
        "at": at,
        "data": data | changes.pop("data", {}),
    }
    return store.write(lambda connection: post(connection, **(words | changes)))


def delivering(store, clock, **changes) -> Delivering:
    """Relays that send to loopback; without jitter unless told otherwise, so that times are known."""
    matters, routing = default_rules()
    sending = {"guard": LOOPBACK, "schedule": Schedule(jitter=0.0), "timeout_s": 10.0, "tls": TRUSTED}
    return Delivering(
        store=store, matters=matters, departments=routing.departments, sending=Sending(**(sending | changes)), now=clock
    )


def send_all(service: Delivering, *, rounds: int = 100) -> int:
    """Send what is due, until nothing is; returns how many deliveries were tried."""

    async def work() -> int:
        async with service.wire() as wire:
            relay = service.relay(wire)
            tried = 0
            for _ in range(rounds):
                began = await relay.turn()
                if not began:
                    return tried
                await relay.idle()
                tried += began
            raise AssertionError("there is always something more to send")

    return asyncio.run(work())


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]
