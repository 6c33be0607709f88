"""Live streams from real servers that are stopped, hung and started again."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from films import number_of, steady, write_film
from servers import Server, ffmpeg_server, free_port, rtsp_server

from vision.errors import InvalidValueError, StreamError
from vision.frame import Frame
from vision.sources import connection
from vision.sources.connection import Timeouts
from vision.sources.live import LiveSource
from vision.sources.source import Gap, SourceReport, StreamData
from vision.sources.srt_pipe import SrtPipe

QUICK = Timeouts(connect_s=3.0, silence_s=3.0, picture_s=20.0, blind_after_s=2.0)
PATIENT = Timeouts(connect_s=10.0, silence_s=15.0, picture_s=30.0, blind_after_s=2.0)
"""Where nothing hangs: a busy machine's pauses must not look like it."""
SECRET = "s3cret"


class Watcher:
    """Reads a source in a thread and lets a test wait for what it gives."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self._fresh: queue.Queue[Frame] = queue.Queue()
        self._thread = threading.Thread(target=self._read)

    def next(self, *, timeout_s: float = 60) -> Frame:
        """A frame that arrived after this was called."""
        while not self._fresh.empty():
            self._fresh.get_nowait()
        return self._fresh.get(timeout=timeout_s)

    def until(self, seen: Callable[[SourceReport], bool], *, timeout_s: float = 60) -> SourceReport:
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            report = self.source.report()
            if seen(report):
                return report
            time.sleep(0.05)
        raise AssertionError(f"waited in vain: {self.source.report()}")

    def _read(self) -> None:
        for frame in self.source:
            self.frames.append(frame)
            self._fresh.put(frame)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.source.close()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One film for all servers: 10 s, a key picture every half second."""
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "film.mp4", steady(250), gop=12)
    write_film(folder / "film.flv", steady(250), gop=12)
    return folder


@pytest.fixture
def camera(folder: Path) -> Iterator[tuple[Server, str]]:
    server, port = rtsp_server(folder)
    with server:
        yield server, f"rtsp://admin:{SECRET}@127.0.0.1:{port}/film.mp4?play_count=0"


def is_blind(report: SourceReport) -> bool:
    return bool(report.blind) and report.blind[-1].ended_at is None


def test_frames_come_in_order_with_the_moment_they_arrived(camera: tuple[Server, str]) -> None:
    server, address = camera
    server.start()
    before = datetime.now(UTC)

    with Watcher(LiveSource(address)) as watcher:
        while len(watcher.frames) < 20:
            watcher.next()

    frames = watcher.frames
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})
    moments = [frame.captured_at for frame in frames if frame.captured_at is not None]
    assert len(moments) == len(frames)
    assert before < moments[0] <= moments[-1] < datetime.now(UTC)
    steps = [(number_of(b.image_bgr) - number_of(a.image_bgr)) % 250 for a, b in itertools.pairwise(frames)]
    passed_s = [(b.media_time_s or 0) - (a.media_time_s or 0) for a, b in itertools.pairwise(frames)]
    assert passed_s == pytest.approx([step / 25 for step in steps], abs=0.1)


def test_a_server_that_is_stopped_and_started_again_is_found_again(camera: tuple[Server, str]) -> None:
    server, address = camera
    server.start()
    with Watcher(LiveSource(address, timeouts=PATIENT)) as watcher:
        last = watcher.next()
        server.stop()
        watcher.until(is_blind)
        server.start()
        server.wait_until_listening()
        first = watcher.next()
        report = watcher.until(lambda report: report.reconnects >= 1 and not is_blind(report))

    gap = report.blind[-1]
    assert last.captured_at is not None
    assert first.captured_at is not None
    assert gap.ended_at is not None
    assert last.captured_at <= gap.began_at < gap.ended_at <= first.captured_at
    assert gap.seconds == pytest.approx((gap.ended_at - gap.began_at).total_seconds(), abs=0.5)
    assert report.blind_s >= gap.seconds
    times_s = [frame.media_time_s or 0 for frame in watcher.frames]
    assert times_s == sorted(times_s)
    assert len({frame.index for frame in watcher.frames}) == len(watcher.frames)


def test_a_server_that_hangs_in_silence_is_noticed_and_found_again_when_it_wakes(camera: tuple[Server, str]) -> None:
    server, address = camera
    server.start()
    with Watcher(LiveSource(address, timeouts=QUICK)) as watcher:
        watcher.next()
        server.hang()
        hung = watcher.until(lambda report: is_blind(report) and "silent" in report.blind[-1].reason)
        server.wake()
        watcher.next()
        report = watcher.until(lambda report: report.reconnects >= 1 and not is_blind(report))

    assert hung.blind[-1].seconds < 10 + QUICK.silence_s
    assert [gap.reason for gap in report.blind if gap.began_at == hung.blind[-1].began_at] == [hung.blind[-1].reason]


def test_the_defaults_keep_what_is_promised() -> None:
    limits = Timeouts()

    assert limits.silence_s + 1.0 <= 10, "a hang is seen within ten seconds"
    with pytest.raises(InvalidValueError):
        Timeouts(silence_s=0)


def test_who_reads_slowly_gets_the_newest_and_is_told_what_was_dropped(camera: tuple[Server, str]) -> None:
    server, address = camera
    server.start()
    with LiveSource(address) as source:
        frames = iter(source)
        first = next(frames)
        while source.report().frames_decoded < first.index + 30:
            time.sleep(0.05)
        next(frames)
        later = next(frames)
        report = source.report()

    assert later.index > first.index + 15
    assert report.frames_dropped > 15
    assert report.frames_dropped + report.frames_given <= report.frames_decoded


def test_unwanted_frames_are_not_given(camera: tuple[Server, str]) -> None:
    server, address = camera
    server.start()
    asked: list[float] = []

    def want(time_s: float) -> bool:
        asked.append(time_s)
        return len(asked) % 3 == 0

    with LiveSource(address, want=want) as source:
        frames = [frame for frame, _ in zip(source, range(3), strict=False)]

    assert [frame.media_time_s for frame in frames] == asked[2:9:3]


def test_secrets_are_neither_shown_nor_logged(
    camera: tuple[Server, str], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server, address = camera
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StreamError) as caught:
        list(LiveSource(address, give_up_after_s=1.0, timeouts=QUICK))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None

    server.start()
    with Watcher(LiveSource(address, timeouts=QUICK)) as watcher:
        frame = watcher.next()
        server.stop()
        report = watcher.until(is_blind)

    shown = capfd.readouterr()
    everything = (
        f"{caught.value!r} {frame.source} {report} {caplog.text} {shown.out} {shown.err} {watcher.source.address}"
    )
    assert "127.0.0.1" in everything
    assert SECRET not in everything
    assert "admin" not in everything


def test_an_address_that_never_answers_is_given_up_when_asked_so() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/film"
        quick = Timeouts(connect_s=0.5, silence_s=0.5)

        with (
            LiveSource(address, timeouts=quick, give_up_after_s=3.0) as source,
            pytest.raises(StreamError, match=r"no picture for 3 s \(no answer in 0.5 s\)"),
        ):
            list(source)


def test_closing_does_not_wait_for_a_server_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        source = LiveSource(f"http://127.0.0.1:{silent.getsockname()[1]}/film.flv", timeouts=Timeouts(connect_s=60))
        with Watcher(source):
            began_s = time.monotonic()

        assert time.monotonic() - began_s < 30


def test_a_call_that_nothing_interrupts_is_left_behind(
    camera: tuple[Server, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, address = camera
    server.start()
    stuck, release = threading.Event(), threading.Event()
    really_open = connection.av.open

    def open_stuck_once(*args: Any, **options: Any) -> Any:
        if not stuck.is_set():
            stuck.set()
            release.wait()
        return really_open(*args, **options)

    monkeypatch.setattr(connection.av, "open", open_stuck_once)
    quick = Timeouts(connect_s=1.5, silence_s=15.0)
    server.wait_until_listening()
    try:
        with Watcher(LiveSource(address, timeouts=quick)) as watcher:
            assert stuck.wait(timeout=60)
            watcher.next()
            report = watcher.source.report()
            release.set()
            watcher.next()
    finally:
        release.set()

    assert "no answer in 1.5 s" in report.problems
    assert len({frame.index for frame in watcher.frames}) == len(watcher.frames)


@pytest.mark.parametrize("noise", [b"", b"\0" * 4096, b"HTTP/1.0 200 OK\r\n\r\nFLV\x01\x05\0\0\0\x09" + b"\xff" * 9999])
def test_a_server_that_talks_nonsense_is_tried_again_and_again(noise: bytes) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(60)
        tried: queue.Queue[int] = queue.Queue()
        over = threading.Event()

        def talk() -> None:
            while not over.is_set():
                client, _ = listener.accept()
                with client:
                    client.sendall(noise)
                tried.put(1)

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            with Watcher(LiveSource(f"http://127.0.0.1:{listener.getsockname()[1]}/x.flv", timeouts=QUICK)) as watcher:
                for _ in range(3):
                    tried.get(timeout=60)
                assert watcher.source.report().frames_given == 0
        finally:
            over.set()
            with socket.create_connection(listener.getsockname()):
                talker.join(timeout=60)


@pytest.mark.parametrize("scheme", ["http", "rtmp"])
def test_flv_by_http_and_rtmp_is_received_and_found_again(folder: Path, scheme: str) -> None:
    port = free_port()
    address = f"{scheme}://127.0.0.1:{port}/live/film"
    with ffmpeg_server(folder / "film.flv", address, "flv", port=port) as server:
        server.start()
        with Watcher(LiveSource(address, timeouts=PATIENT)) as watcher:
            assert watcher.next().source == address
            server.stop()
            watcher.until(is_blind)
            server.start()
            watcher.next()
            report = watcher.until(lambda report: report.reconnects >= 1 and not is_blind(report))

    assert report.blind[-1].ended_at is not None
    assert report.frames_given > 1


def test_telemetry_of_a_live_transport_stream_comes_with_its_moment(tmp_path: Path) -> None:
    payload = bytes.fromhex("060e2b34020b01010e01030101000000") + b"\x05hello"
    film = write_film(tmp_path / "film.ts", steady(100), gop=12, data=[(time_s, payload) for time_s in steady(8, 2)])
    port = free_port()
    address = f"http://127.0.0.1:{port}/live"
    found: list[StreamData] = []
    before = datetime.now(UTC)
    with ffmpeg_server(film, address, "mpegts", port=port) as server:
        server.start()
        with Watcher(LiveSource(address, timeouts=PATIENT, on_data=found.append)) as watcher:
            watcher.next()
            watcher.until(lambda _: sum(piece.kind == "klv" for piece in found) >= 2)

    pieces = [piece for piece in found if piece.kind == "klv"]
    assert {piece.payload for piece in pieces} == {payload}
    assert all(piece.received_at is not None and before < piece.received_at for piece in pieces)
    assert pieces[1].media_time_s - pieces[0].media_time_s == pytest.approx(0.5, abs=0.05)


def test_srt_is_received_through_ffmpeg_and_found_again(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.ts", steady(100), gop=12)
    port = free_port()
    with ffmpeg_server(film, f"srt://127.0.0.1:{port}?mode=listener", "mpegts", port=port) as server:
        server.start()
        address = f"srt://127.0.0.1:{port}?mode=caller"
        with Watcher(LiveSource(address, timeouts=PATIENT)) as watcher:
            watcher.next()
            server.stop()
            watcher.until(is_blind)
            server.start()
            report = watcher.until(lambda report: report.reconnects >= 1 and not is_blind(report))

    assert report.blind_s > 0


def test_srt_with_a_passphrase_brings_its_data_and_shows_the_passphrase_to_nobody(tmp_path: Path) -> None:
    packet = bytes.fromhex("060e2b34020b01010e01030101000000") + b"\x04flew"
    film = write_film(tmp_path / "film.ts", steady(50), gop=12, data=[(at / 5, packet) for at in range(10)])
    port, passphrase, given = free_port(), "it's s3cret", "it's%20s3cret"
    found: queue.Queue[bytes] = queue.Queue()
    listener = f"srt://127.0.0.1:{port}?mode=listener&passphrase={given}"
    with ffmpeg_server(film, listener, "mpegts", port=port) as server:
        server.start()
        address = f"srt://127.0.0.1:{port}?mode=caller&passphrase={given}"
        source = LiveSource(address, timeouts=PATIENT, on_data=lambda piece: found.put(piece.payload))
        with Watcher(source) as watcher:
            watcher.next()
            assert found.get(timeout=60) == packet
            mine = [words for words in command_lines(os.getpid()) if "concat" in words]
    assert len(mine) == 1
    assert passphrase not in mine[0]
    assert given not in mine[0]


def command_lines(parent: int) -> list[str]:
    """What every user of the machine can read of the children of a process."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"PPid:\t{parent}\n" in (process / "status").read_text():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_without_ffmpeg_srt_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(StreamError, match="needs the program ffmpeg") as caught:
        LiveSource("srt://example.invalid:9000?passphrase=s3cretlonger")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("gopher://user:s3cret@127.0.0.1/film", "use one of http"),
        ("rtsp://user:s3cret@/film", "names no host"),
        ("rtsp://", "names no host"),
        ("rtsp://host:99999/film", "impossible port"),
        ("rtsp://host:0/film", "impossible port"),
        ("rtsp://host/film\r\nX-Evil: 1", "control characters"),
    ],
)
def test_an_address_that_can_never_answer_is_refused_at_once(address: str, problem: str) -> None:
    with pytest.raises(StreamError, match=problem) as caught:
        LiveSource(address)

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gap_is_counted_by_a_clock_that_is_never_set() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)

    assert Gap(began_at=began, ended_at=began - timedelta(hours=1), seconds=3, reason="clock was set").seconds == 3
    with pytest.raises(InvalidValueError):
        Gap(began_at=began.replace(tzinfo=None), ended_at=None, seconds=3, reason="")
    with pytest.raises(InvalidValueError):
        Gap(began_at=began, ended_at=None, seconds=-1, reason="")


def test_a_pipe_that_is_closed_while_it_is_read_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    pipe = SrtPipe("srt://127.0.0.1:1", first_byte_s=600, silence_s=600)
    read: queue.Queue[bytes] = queue.Queue()
    reader = threading.Thread(target=lambda: read.put(pipe.read(1)))
    reader.start()

    pipe.close()

    assert read.get(timeout=60) == b""
    reader.join()
