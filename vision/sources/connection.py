"""One connection to a live stream, from opening it to its end."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import av
from av.container import InputContainer
from av.error import ExitError, FFmpegError, HTTPForbiddenError, HTTPNotFoundError, HTTPUnauthorizedError
from av.packet import Packet
from av.video.stream import VideoStream

from vision.errors import InvalidValueError
from vision.sources.address import scheme_of
from vision.sources.demuxing import demuxed
from vision.sources.eager_decoder import EagerDecoder, Received
from vision.sources.embedded import EmbeddedData, data_streams
from vision.sources.gaps import Moment
from vision.sources.source import StreamData
from vision.sources.srt_pipe import SrtPipe
from vision.sources.tally import Tally

_LOCKED_OUT_WAIT_S = 30.0
"""Cameras lock an account after a few wrong passwords; RTSP's and HTTP's refusals are not asked again so soon."""
_DECODER_THREADS = 2
"""A machine with many cores receives many streams; each gets enough for 4K."""
_PROBE_US = 1_000_000
_PROTOCOLS = {
    "rtsp": "rtsp,rtp,tcp,udp",
    "rtsps": "rtsp,rtsps,rtp,tcp,tls,udp",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "http": "http,https,tcp,tls,httpproxy",
    "https": "http,https,tcp,tls,httpproxy",
}


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long to wait for a live source.

    Attributes:
        connect_s: For the connection and its first answers.
        silence_s: For any video data after that; a longer silence is a hang, and the source is connected anew.
        picture_s: For a whole picture while data arrive; at least the time between two key pictures.
        blind_after_s: A longer time between two pictures goes into the gap ledger.

    Raises:
        InvalidValueError: If one is not positive.
    """

    connect_s: float = 4.0
    silence_s: float = 6.0
    picture_s: float = 30.0
    blind_after_s: float = 2.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float("inf"):
                raise InvalidValueError(f"{name} must be positive, not {value}")


class LiveClock(Protocol):
    """Makes time stamps of one connection into `media_time_s`."""

    def time_of(self, pts: int) -> float:
        """Seconds since the source's first picture."""
        ...


class Connection:
    """A thread that connects once, decodes what comes, and ends when the connection does.

    FFmpeg can be stuck where nothing interrupts it, such as in a name look-up. The thread is then abandoned: nothing it
    brings is taken any more, and it ends by itself when it comes back.
    """

    def __init__(
        self,
        address: str,
        *,
        timeouts: Timeouts,
        tally: Tally,
        clock_of: Callable[[float], LiveClock],
        on_picture: Callable[[Connection, LiveClock, Received], None],
        on_data: Callable[[StreamData], None] | None,
    ) -> None:
        """Make ready; `start` connects.

        Args:
            address: With credentials, if it has any.
            timeouts: How long to wait for what.
            tally: Where counts go.
            clock_of: Makes a clock for the seconds per unit of the stream's time stamps.
            on_picture: Gets every whole picture, in this connection's thread.
            on_data: Gets telemetry, in this connection's thread.
        """
        self._address = address
        self._timeouts = timeouts
        self._tally = tally
        self._clock_of = clock_of
        self._on_picture = on_picture
        self._on_data = on_data
        self._given_up = threading.Event()
        self._pipe: SrtPipe | None = None
        self._began_s = time.monotonic()
        self._opened_s: float | None = None
        self._packet_s = self._began_s
        self._picture_s: float | None = None
        self._no_answer = f"no answer in {timeouts.connect_s:g} s"
        self._silence = f"silent for {timeouts.silence_s:g} s"
        self.reason = "the stream ended"
        self.failure: BaseException | None = None
        self.wait_at_least_s = 0.0
        self._thread = threading.Thread(target=self._run, name="live connection", daemon=True)

    def start(self) -> None:
        """Connect."""
        self._began_s = self._packet_s = time.monotonic()
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    @property
    def is_given_up(self) -> bool:
        """Whether nobody listens any more."""
        return self._given_up.is_set()

    @property
    def seeing_s(self) -> float:
        """Seconds from the connection's first picture to its last packet."""
        return 0.0 if self._picture_s is None or self._opened_s is None else self._packet_s - self._opened_s

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def give_up(self) -> None:
        """Stop listening to it, and make it end as soon as it can."""
        self._given_up.set()
        pipe = self._pipe
        if pipe is not None:
            pipe.close()

    def overdue(self) -> str | None:
        """Say what has been awaited for too long, if anything has."""
        now_s = time.monotonic()
        limits = self._timeouts
        if self._opened_s is None:
            # Opening is two steps that may each take `connect_s` before FFmpeg itself gives up.
            late = now_s - self._began_s > 2 * limits.connect_s + 1.0
            return self._no_answer if late else None
        if now_s - self._packet_s > limits.silence_s + 0.5:
            return self._silence
        if now_s - (self._picture_s or self._opened_s) > limits.picture_s:
            return f"no whole picture in {limits.picture_s:g} s of data"
        return None

    def _run(self) -> None:
        try:
            with self._open() as container:
                self._read(container)
        except FFmpegError as error:
            self._explain(error)
        except TimeoutError:
            self.reason = "no data in time"
        except Exception as error:  # noqa: BLE001 - the caller's own errors are raised to it by the source
            self.failure = error
        finally:
            if self._pipe is not None:
                self._pipe.close()

    def _open(self) -> InputContainer:
        limits = self._timeouts
        scheme = scheme_of(self._address) or ""
        options = {"analyzeduration": str(_PROBE_US), "probesize": "1000000"}
        if scheme == "srt":
            self._pipe = SrtPipe(self._address, first_byte_s=limits.connect_s, silence_s=limits.silence_s)
            return av.open(self._pipe, mode="r", format="mpegts", options=options, metadata_errors="replace")
        options["protocol_whitelist"] = _PROTOCOLS[scheme]
        if scheme.startswith("rtsp"):
            options["rtsp_transport"] = "tcp"
            options["allowed_media_types"] = "video+data"
        return av.open(
            self._address,
            mode="r",
            options=options,
            timeout=(limits.connect_s, limits.silence_s),
            metadata_errors="replace",
        )

    def _read(self, container: InputContainer) -> None:
        if not container.streams.video or container.streams.video[0].codec_context is None:
            self.reason = "the stream carries no video that can be decoded"
            return
        stream = container.streams.video[0]
        clock = self._clock_of(float(stream.time_base or 0) or 1 / 90_000)
        codec = stream.codec_context
        # Threads by slices: threads by pictures would hold each picture back until the next ones arrive.
        codec.thread_type = "SLICE"
        codec.thread_count = _DECODER_THREADS
        decoder = EagerDecoder(codec, time_of=clock.time_of, tally=self._tally)
        embedded = None
        if self._on_data is not None:
            embedded = EmbeddedData(stream, self._hand_on, self._tally, clock.time_of)
        self._packet_s = self._opened_s = time.monotonic()
        for packet in self._packets(container, stream):
            moment = Moment(at=datetime.now(UTC), monotonic_s=time.monotonic())
            if packet.stream_index == stream.index:
                self._packet_s = moment.monotonic_s
                for received in decoder.feed(packet, moment):
                    self._picture_s = moment.monotonic_s
                    self._on_picture(self, clock, received)
            if embedded is not None:
                embedded.feed(packet, received_at=moment.at)

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
        before_s = time.monotonic()
        for packet in demuxed(container, [stream, *data_streams(container)]):
            now_s = time.monotonic()
            if now_s - before_s >= self._timeouts.silence_s:
                # The time-out made FFmpeg let go of a packet that it had held back: an old picture, not a new one.
                self.reason = self._silence
                return
            if self.is_given_up:
                return
            if packet.size:
                yield packet
            before_s = time.monotonic()

    def _ran_out_of_time(self) -> bool:
        """Whether a time-out is behind an error; FFmpeg's RTSP calls an interrupted answer invalid data."""
        waited_s = time.monotonic() - (self._began_s if self._opened_s is None else self._packet_s)
        return waited_s >= (self._timeouts.connect_s if self._opened_s is None else self._timeouts.silence_s)

    def _hand_on(self, piece: StreamData) -> None:
        if self._on_data is not None and not self.is_given_up:
            self._on_data(piece)

    def _explain(self, error: FFmpegError) -> None:
        """Say why in words of our own: FFmpeg's text holds the address with its password."""
        if isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError):
            self.reason = "user name or password refused"
            self.wait_at_least_s = _LOCKED_OUT_WAIT_S
        elif isinstance(error, HTTPNotFoundError):
            self.reason = "no such stream at this address"
        elif isinstance(error, ExitError | TimeoutError) or self._ran_out_of_time():
            self.reason = self._silence if self._opened_s is not None else self._no_answer
        elif error.errno == errno.EIO and self._opened_s is None:
            self.reason = "host unknown or not to be reached"
        else:
            self.reason = (error.strerror or "the connection failed").lower()
