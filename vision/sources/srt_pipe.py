"""SRT through an ffmpeg process, since the FFmpeg inside PyAV's wheels cannot speak it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import threading
import time

from vision.errors import StreamError
from vision.sources.address import without_credentials

_QUICK = {"analyzeduration": "500000", "probesize": "500000"}
"""Enough to know the streams; ffmpeg's usual five seconds would be five seconds blind."""

_OPTIONS = [
    *("-nostdin", "-hide_banner", "-loglevel", "quiet"),
    *(word for name, value in _QUICK.items() for word in (f"-{name}", value)),
    *("-f", "concat", "-safe", "0", "-protocol_whitelist", "pipe,srt", "-i", "pipe:0"),
    *("-map", "0:v:0", "-map", "0:d?", "-copy_unknown", "-c", "copy"),
    *("-f", "mpegts", "-muxdelay", "0", "-flush_packets", "1", "pipe:1"),
]


def ffmpeg_for_srt(address: str) -> str:
    """Find the ffmpeg program.

    Args:
        address: The stream it is for.

    Returns:
        Its path.

    Raises:
        StreamError: If it is not installed.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise StreamError(
            without_credentials(address),
            "SRT needs the program ffmpeg, which is not on the PATH",
            "install it (Debian: apt install ffmpeg), or take the stream by RTSP, RTMP or HTTP-FLV",
        )
    return program


class SrtPipe:
    """An ffmpeg process that receives SRT and writes its transport stream; a file to read from.

    The address goes to ffmpeg as a list of one file on its standard input: a command line, with the passphrase in it,
    could be read by every user of the machine.
    """

    def __init__(self, address: str, *, first_byte_s: float, silence_s: float) -> None:
        """Start ffmpeg.

        Args:
            address: An srt:// address.
            first_byte_s: Longest wait for the connection and its first bytes.
            silence_s: Longest wait for any later byte.

        Raises:
            StreamError: If ffmpeg is not installed.
        """
        self._process = subprocess.Popen(
            [ffmpeg_for_srt(address), *_OPTIONS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as listing:
            listing.write(_listing(address).encode())
        self._patience_s = first_byte_s
        self._silence_s = silence_s
        self._closed = threading.Event()

    def read(self, size: int) -> bytes:
        """Give up to `size` bytes; none when ffmpeg has ended or the pipe was closed.

        Raises:
            TimeoutError: If nothing came for too long.
        """
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        deadline_s = time.monotonic() + self._patience_s
        while not self._closed.is_set():
            if select.select([handle], [], [], 0.2)[0]:
                self._patience_s = self._silence_s
                return os.read(handle, size)
            if time.monotonic() > deadline_s:
                raise TimeoutError
        return b""

    def close(self) -> None:
        """End ffmpeg."""
        self._closed.set()
        self._process.kill()
        self._process.wait(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _listing(address: str) -> str:
    """The address as ffmpeg's concat demuxer reads it; an address has no line breaks (`check_address`)."""
    quoted = address.replace("'", "'\\''")
    options = "".join(f"option {name} {value}\n" for name, value in _QUICK.items())
    return f"ffconcat version 1.0\nfile '{quoted}'\n{options}"
