"""A real PostgreSQL with PostGIS on loopback, for one run of the tests: in a temporary folder, ended by its pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OWNER, PASSWORD = "flyonce", "pässwort 一二三"
START_WITHIN_S = 120.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running server."""

    port: int
    log: Path

    def url(self, database: str, *, password: str = PASSWORD, **query: object) -> str:
        """A store's URL of one of its databases."""
        from sqlalchemy import URL

        words = {name: str(value) for name, value in query.items()}
        url = URL.create("postgresql", OWNER, password, "127.0.0.1", self.port, database, words)
        return url.render_as_string(hide_password=False)

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run statements as the server's administrator, each for itself; the rows of the last."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where it or PostGIS or the driver is not installed."""
    try:
        import psycopg  # noqa: F401 - only asked whether it is there
    except ImportError:
        return None
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -int(one.parent.name)):
        extension = Path("/usr/share/postgresql") / folder.parent.name / "extension" / "postgis.control"
        if (folder / "initdb").exists() and extension.exists():
            return folder
    return None


@contextmanager
def running_server(folder_of_programs: Path) -> Iterator[PostgresServer]:
    """A new cluster with `fsync` on, as a user without rights (PostgreSQL refuses root)."""
    folder = Path(tempfile.mkdtemp(prefix="flyonce-postgres-"))
    user = _unprivileged_user()
    if user is not None:
        shutil.chown(folder, user)
    secret, data, log = folder / "password", folder / "data", folder / "log"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o644)
    # Not synchronised is only the empty cluster: a run of the tests that is cut off here starts anew anyway.
    words = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--pwfile={secret}")
    initdb = [folder_of_programs / "initdb", "-D", data, "-U", OWNER, *words]
    try:
        subprocess.run(initdb, user=user, check=True, capture_output=True, cwd="/")
        with log.open("wb") as out:
            process, port = _start(folder_of_programs, folder, data, user, out)
            try:
                yield _accepting(process, PostgresServer(port=port, log=log))
            finally:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGQUIT)
                    process.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(programs_folder: Path, folder: Path, data: Path, user: str | None, out: object):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [programs_folder / "postgres", "-D", data, "-p", str(port), "-k", folder, *settings]
    return subprocess.Popen(command, user=user, stdout=out, stderr=out, cwd="/", start_new_session=True), port


def _accepting(process: subprocess.Popen[bytes], server: PostgresServer) -> PostgresServer:
    import psycopg

    give_up_at = time.monotonic() + START_WITHIN_S
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"PostgreSQL does not start: {server.log.read_text()}") from error
            time.sleep(0.05)
        else:
            return server


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    return "postgres"
