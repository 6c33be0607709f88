"""Real servers of live streams on loopback, in processes of their own so that they can be stopped and hung."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_RTSP = """
import asyncio, sys
from aio_rtsp_toolkit import server
asyncio.run(server.serve(sys.argv[1], host="127.0.0.1", port=int(sys.argv[2])))
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A process that serves; started, stopped, hung, woken and started again at the same address."""

    def __init__(self, command: list[str], port: int, *, listens_by_tcp: bool = True) -> None:
        self._command = command
        self._port = port
        self._listens_by_tcp = listens_by_tcp
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_until_listening(self) -> None:
        """For servers that take more than one client."""
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("the server did not start")

    def hang(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def rtsp_server(folder: Path) -> tuple[Server, int]:
    """Serves the MP4 files of a folder; `?play_count=0` repeats one for ever."""
    port = free_port()
    return Server([sys.executable, "-c", _RTSP, str(folder), str(port)], port), port


def ffmpeg_server(film: Path, address: str, form: str, *, port: int) -> Server:
    """Sends a film in real time, again and again, to the first client that comes, and ends with it."""
    program = shutil.which("ffmpeg")
    if program is None:
        if os.environ.get("FLYONCE_STRICT"):
            pytest.fail("ffmpeg is missing, and FLYONCE_STRICT forbids to skip")
        pytest.skip("needs the program ffmpeg as a server")
    command = [program, "-nostdin", "-loglevel", "quiet", "-re", "-stream_loop", "-1", "-i", str(film)]
    listen = [] if address.startswith("srt:") else ["-listen", "1"]
    return Server([*command, "-map", "0", "-c", "copy", "-f", form, *listen, address], port)
