"""Frames of a live stream, for as long as anybody asks: connections are renewed, what was missed is booked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from vision.errors import StreamError
from vision.frame import Frame
from vision.sources.address import check_address, scheme_of, with_plain_scheme, without_credentials
from vision.sources.connection import Connection, LiveClock, Timeouts
from vision.sources.decoded import pixels_of
from vision.sources.eager_decoder import Received
from vision.sources.gaps import GapLedger, Moment
from vision.sources.photos import MAX_PIXELS
from vision.sources.pictures import Turn, Turns
from vision.sources.source import SourceReport, StreamData
from vision.sources.srt_pipe import ffmpeg_for_srt
from vision.sources.stagger import Backoff, Stagger
from vision.sources.tally import Tally

_FRAMES_WAITING = 2
"""The caller works on the newest picture, or the one before it; older ones are of no use to anybody."""
_LOOK_EVERY_S = 0.25
_MOST_ABANDONED = 4
_HELD_LONG_S = 5.0
_LARGEST_CLOCK_ERROR_S = 5.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Waiting:
    received: Received
    turn: Turn | None
    index: int
    media_time_s: float


class LiveSource:
    """A live stream as a source of frames (see `FrameSource`): RTSP, RTMP, HTTP-FLV, and SRT where ffmpeg is installed.

    `captured_at` of a frame is the moment its data arrived. `media_time_s` follows the stream's clock within one
    connection and ours from one to the next. `index` counts whole pictures, dropped ones too. `source` is the address
    without credentials.

    Attributes:
        address: The address without credentials.
    """

    def __init__(
        self,
        url: str,
        *,
        timeouts: Timeouts | None = None,
        on_data: Callable[[StreamData], None] | None = None,
        want: Callable[[float], bool] | None = None,
        give_up_after_s: float | None = None,
        stagger: Stagger | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Make ready; the first frame asked for connects.

        Args:
            url: rtsp://, rtsps://, rtmp://, rtmps://, http://, https:// or srt://, with credentials if need be.
            timeouts: How long to wait for what.
            on_data: Called with each piece of telemetry in the stream, by the receiving thread.
            want: Called with the `media_time_s` of every frame about to be given, by the asking thread; frames it says
                False to are not converted, not given and not counted as dropped.
            give_up_after_s: Longest time without a picture before asking for frames fails; None to try for ever.
            stagger: Shared by sources that should not connect in the same moment.
            backoff: Waiting times between attempts.

        Raises:
            StreamError: If the address is of no kind that can be read, or SRT is asked for without ffmpeg.
        """
        self.address = without_credentials(url)
        check_address(url)
        if scheme_of(url) == "srt":
            ffmpeg_for_srt(url)
        self._url = with_plain_scheme(url)
        self._timeouts = timeouts or Timeouts()
        self._on_data = on_data
        self._want = want
        self._give_up_after_s = give_up_after_s
        self._stagger = stagger or Stagger()
        self._backoff = backoff or Backoff()
        self._tally = Tally()
        self._turns = Turns()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._arrived = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._failure: BaseException | None = None
        self._ledger = GapLedger(_now(), blind_after_s=self._timeouts.blind_after_s)
        self._keeper: threading.Thread | None = None
        self._seen_by: Connection | None = None
        self._abandoned: list[Connection] = []
        self._pictures = 0
        self._first: Moment | None = None
        self._last_time_s = 0.0

    def __iter__(self) -> Iterator[Frame]:
        """Give frames as they come, until closed; who stops reading closes the source.

        Raises:
            StreamError: If no picture came for `give_up_after_s`.
        """
        with self._starting:
            if self._keeper is not None or self._stop.is_set():
                return
            self._ledger = GapLedger(_now(), blind_after_s=self._timeouts.blind_after_s)
            self._keeper = threading.Thread(target=self._keep_connected, name="live keeper", daemon=True)
            self._keeper.start()
        try:
            while (waiting := self._next()) is not None:
                if self._want is None or self._want(waiting.media_time_s):
                    self._tally.count("frames_given")
                    yield self._frame(waiting)
        finally:
            self.close()

    def report(self) -> SourceReport:
        """Say what became of the frames so far, and when the source was blind."""
        gaps = () if self._keeper is None else self._ledger.gaps(_now())
        return self._tally.report(gaps)

    def close(self) -> None:
        """Disconnect. A thread that hangs in FFmpeg ends by itself when its time is up."""
        self._stop.set()
        with self._arrived:
            self._arrived.notify_all()
        with self._starting:
            keeper = self._keeper
        if keeper is not None:
            keeper.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _frame(self, waiting: _Waiting) -> Frame:
        return Frame(
            pixels=pixels_of(waiting.received.picture, waiting.turn),
            captured_at=waiting.received.moment.at,
            source=self.address,
            index=waiting.index,
            media_time_s=waiting.media_time_s,
        )

    def _next(self) -> _Waiting | None:
        with self._arrived:
            while not self._waiting:
                if self._stop.is_set():
                    return None
                if self._failure is not None:
                    raise self._failure
                self._check_patience()
                self._arrived.wait(_LOOK_EVERY_S)
            return self._waiting.popleft()

    def _check_patience(self) -> None:
        if self._give_up_after_s is None:
            return
        now = _now()
        if self._ledger.blind_s(now) > self._give_up_after_s:
            gaps = self._ledger.gaps(now)
            reason = gaps[-1].reason if gaps else "no picture arrived"
            raise StreamError(
                self.address,
                f"gave no picture for {self._give_up_after_s:g} s ({reason})",
                "check the address, the log-in and that the source is on",
            )

    def _keep_connected(self) -> None:
        while not self._stop.is_set():
            self._stagger.wait(self._stop)
            if self._stop.is_set():
                return
            connection = self._new_connection()
            self._watch(connection)
            if self._stop.is_set():
                return
            self._ledger.broke(connection.reason)
            self._tally.note(connection.reason)
            if connection.failure is not None:
                self._fail(connection.failure)
                return
            if connection.seeing_s > _HELD_LONG_S:
                self._backoff.reset()
            self._stop.wait(self._backoff.next_s(at_least_s=connection.wait_at_least_s))
            self._wait_for_abandoned()

    def _new_connection(self) -> Connection:
        connection = Connection(
            self._url,
            timeouts=self._timeouts,
            tally=self._tally,
            clock_of=lambda time_base_s: _Clock(time_base_s, self._elapsed_s),
            on_picture=self._take,
            on_data=self._on_data,
        )
        connection.start()
        return connection

    def _watch(self, connection: Connection) -> None:
        """Wait until the connection ends, or hangs where FFmpeg's own time-outs do not see it."""
        while connection.is_alive:
            connection.join(_LOOK_EVERY_S)
            overdue = connection.overdue()
            if self._stop.is_set() or (overdue is not None and connection.is_alive):
                connection.reason = overdue or connection.reason
                connection.give_up()
                connection.join(1.0)
                self._abandoned.append(connection)
                return

    def _wait_for_abandoned(self) -> None:
        self._abandoned = [connection for connection in self._abandoned if connection.is_alive]
        while len(self._abandoned) >= _MOST_ABANDONED and not self._stop.is_set():
            self._tally.note(f"{_MOST_ABANDONED} connections hang in FFmpeg; waiting for one of them to end")
            self._stop.wait(_LOOK_EVERY_S)
            self._abandoned = [connection for connection in self._abandoned if connection.is_alive]

    def _fail(self, failure: BaseException) -> None:
        with self._arrived:
            self._failure = failure
            self._arrived.notify_all()

    def _elapsed_s(self) -> float:
        return 0.0 if self._first is None else time.monotonic() - self._first.monotonic_s

    def _take(self, connection: Connection, clock: LiveClock, received: Received) -> None:
        if connection.is_given_up or self._stop.is_set():
            return
        picture = received.picture
        if picture.width * picture.height > MAX_PIXELS:
            self._tally.count("corrupt")
            return
        turn = self._turns.of(picture)
        if turn is None:
            self._tally.note("asks to be displayed at an angle that is no quarter turn; shown as stored")
        self._tally.saw_size((picture.width, picture.height))
        self._ledger.saw(received.moment)
        with self._arrived:
            time_s = self._elapsed_s() if received.pts is None else clock.time_of(received.pts)
            self._first = self._first or received.moment
            if connection is not self._seen_by:
                if self._seen_by is not None:
                    self._tally.count("reconnects")
                self._seen_by = connection
            self._last_time_s = max(self._last_time_s, time_s)
            self._waiting.append(
                _Waiting(received=received, turn=turn, index=self._pictures, media_time_s=self._last_time_s)
            )
            self._pictures += 1
            if len(self._waiting) > _FRAMES_WAITING:
                self._waiting.popleft()
                self._tally.count("frames_dropped")
            self._arrived.notify()


class _Clock:
    """The time stamps of one connection, tied to the source's clock at the first of them and where they go astray."""

    def __init__(self, time_base_s: float, elapsed_s: Callable[[], float]) -> None:
        self._time_base_s = time_base_s
        self._elapsed_s = elapsed_s
        self._tie: tuple[int, float] | None = None

    def time_of(self, pts: int) -> float:
        now_s = self._elapsed_s()
        if self._tie is None:
            self._tie = (pts, now_s)
        time_s = self._tie[1] + (pts - self._tie[0]) * self._time_base_s
        if abs(time_s - now_s) > _LARGEST_CLOCK_ERROR_S:
            self._tie = (pts, now_s)
            return now_s
        return time_s


def _now() -> Moment:
    return Moment(at=datetime.now(UTC), monotonic_s=time.monotonic())
