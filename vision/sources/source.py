"""What every source of frames has in common: frames out, an account of what went wrong, and a way to stop it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Protocol, Self

from vision.errors import InvalidValueError
from vision.frame import Frame


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A time in which a live source saw nothing.

    Attributes:
        began_at: When the last picture before it arrived (or the source was started), aware UTC.
        ended_at: When the next picture arrived, aware UTC; None while it lasts.
        seconds: Its length by a clock that is never set; up to now while it lasts.
        reason: What the source saw happen, without credentials.

    Raises:
        InvalidValueError: If a time is not aware UTC, or the length is negative.
    """

    began_at: datetime
    ended_at: datetime | None
    seconds: float
    reason: str

    def __post_init__(self) -> None:
        _check_utc("began_at", self.began_at)
        _check_utc("ended_at", self.ended_at)
        if not 0 <= self.seconds < float("inf"):
            raise InvalidValueError(f"a gap lasts 0 seconds or more, not {self.seconds}")


@dataclass(frozen=True, kw_only=True)
class SourceReport:
    """What became of a source's frames so far.

    Attributes:
        frames_decoded: Pictures that came out of the decoder whole.
        frames_given: Frames handed to the caller.
        frames_dropped: Frames of a live source that were overtaken by newer ones before the caller asked.
        corrupt: Packets and pictures that were damaged, and therefore not given.
        size_changes: Times the picture's size changed in mid-stream.
        reconnects: Times a live source gave pictures again after its connection was lost.
        blind: Times without a picture, oldest first.
        problems: What else the user should know, one sentence each.

    Raises:
        InvalidValueError: If a count is negative.
    """

    frames_decoded: int = 0
    frames_given: int = 0
    frames_dropped: int = 0
    corrupt: int = 0
    size_changes: int = 0
    reconnects: int = 0
    blind: tuple[Gap, ...] = ()
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        counts = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        for name, value in counts.items():
            if value < 0:
                raise InvalidValueError(f"{name} counts from 0, not {value}")

    @property
    def blind_s(self) -> float:
        """Seconds without a picture, all gaps together."""
        return sum(gap.seconds for gap in self.blind)


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamData:
    """A piece of telemetry that travelled inside a video or stream.

    Attributes:
        kind: "klv" for one whole key-length-value packet of a data stream (SMPTE 336M, such as MISB ST 0601), key and
            length included; "sei" for one user-data-unregistered message of H.264 or H.265: 16 bytes of UUID, then the
            message, without emulation prevention.
        payload: The bytes.
        media_time_s: Its time on the clock of `Frame.media_time_s`; may be a little below 0 where telemetry begins
            before the first picture.
        received_at: When a live stream brought it, aware UTC; None for files.

    Raises:
        InvalidValueError: If `received_at` is not aware UTC, or `payload` is empty.
    """

    kind: Literal["klv", "sei"]
    payload: bytes
    media_time_s: float
    received_at: datetime | None

    def __post_init__(self) -> None:
        _check_utc("received_at", self.received_at)
        if not self.payload:
            raise InvalidValueError("stream data has at least one byte")


class FrameSource(Protocol):
    """Anything that gives frames: a folder of photos, a video, a live stream.

    A source is read once, by one thread. It is also a context manager that closes itself.
    """

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames in order; ends where the source ends or is closed."""
        ...

    def report(self) -> SourceReport:
        """Say what became of the frames so far; may be asked at any time, by any thread."""
        ...

    def close(self) -> None:
        """Stop, and let go of files, connections and threads; more than once does no harm."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def _check_utc(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() != timedelta(0):
        raise InvalidValueError(f"{name} must be aware UTC, not {moment!r}")
