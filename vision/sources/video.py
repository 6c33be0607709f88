"""Frames of a video file, with the exact times of its own clock."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vision.errors import InvalidValueError, VideoError
from vision.frame import Frame
from vision.sources.counting_decoder import CountingDecoder
from vision.sources.decoded import pixels_of
from vision.sources.demuxing import demuxed
from vision.sources.embedded import EmbeddedData, data_streams
from vision.sources.lazy_decoder import LazyDecoder, Picked
from vision.sources.media_clock import MediaClock
from vision.sources.photos import MAX_PIXELS
from vision.sources.pictures import Turns, displayed_size
from vision.sources.source import SourceReport, StreamData
from vision.sources.tally import Tally

_FRAMES_AHEAD = 3
"""Enough to keep decoding while the caller works; 6 MB each at 1080p."""
_MOST_DECODER_THREADS = 4
"""Each thread holds pictures of its own and delays the next wanted one by a picture."""
_USUAL_RATE = Fraction(25)
_MOST_DAMAGED_READS = 1000
_PACKETS_OF_FIRST_LOOK = 20
_ONLY_FILMS = {
    "protocol_whitelist": "file",
    "format_whitelist": "asf,avi,dv,flv,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,vvc",
}
"""Formats that hold pictures themselves: a list of other files (HLS, concat) might name any file of this machine."""
_COPY_AGAIN = "copy it again from the camera's card"


class VideoSource:
    """A video file as a source of frames (see `FrameSource`).

    Decoding runs in a thread of its own, a few frames ahead of the caller. Audio and subtitles are ignored.
    `captured_at` of a frame is `started_at` plus its `media_time_s` where the start is known, else None.

    Attributes:
        path: The file.
        duration_s: Length that the file declares, seconds; None when it does not.
        size_wh_px: Width and height in pixels as displayed, by its first picture.
        frame_rate: Mean pictures per second that the file declares; None when it does not.
        started_at: Moment of the first picture, aware UTC; None where nothing says it without doubt.
        may_carry_klv: Whether there is a stream beside it that is KLV, or of a transport stream, which need not say so.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_data: Callable[[StreamData], None] | None = None,
        want: Callable[[float], bool] | None = None,
        on_key: Callable[[float], None] | None = None,
        started_at: datetime | None = None,
    ) -> None:
        """Open the file and read its header.

        Args:
            path: A video in any container that FFmpeg reads; recognised by content, whatever its suffix.
            on_data: Called with each piece of telemetry in the file, in the order of the file, by the decoding thread.
            want: Called with the `media_time_s` of every picture in order of display, once each, by the decoding
                thread, before the costly part; pictures it says False to are not given and mostly not even decoded.
            on_key: Told the `media_time_s` of every key picture, just before `want` is asked about it: it costs one
                picture to decode, any other one costs all since the last key picture. Not called where packets do not
                say when they are displayed.
            started_at: Moment of the first picture, aware UTC, if the caller knows it from elsewhere.

        Raises:
            VideoError: If the file cannot be read, or holds no video that can be decoded.
            InvalidValueError: If `started_at` is not aware UTC.
        """
        if started_at is not None and started_at.utcoffset() != timedelta(0):
            raise InvalidValueError(f"started_at must be aware UTC, not {started_at!r}")
        self.path = path
        self._on_data = on_data
        self._want = want
        self._on_key = on_key
        self._tally = Tally()
        self._turns = Turns()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._ready: queue.Queue[Frame | BaseException | None] = queue.Queue(maxsize=_FRAMES_AHEAD)
        self._thread: threading.Thread | None = None
        self._container = open_film(path)
        try:
            self._stream = video_stream(path, self._container)
            self._frame_interval_s = float(1 / (self._stream.average_rate or _USUAL_RATE))
            self.duration_s = _duration_s(self._container, self._stream)
            self.frame_rate = None if self._stream.average_rate is None else float(self._stream.average_rate)
            self.size_wh_px, self._has_times = _first_look(path, self._stream)
        except BaseException:
            self._container.close()
            raise
        self.started_at = started_at or _start_without_doubt(self._container)
        self.may_carry_klv = _may_carry_klv(self._container)

    def __iter__(self) -> Iterator[Frame]:
        """Give the wanted frames in order of display; who stops reading closes the source.

        Raises:
            VideoError: If no picture at all could be decoded.
        """
        with self._starting:
            if self._thread is not None or self._stop.is_set():
                return
            self._thread = threading.Thread(target=self._decode, name=f"video {self.path.name}", daemon=True)
            self._thread.start()
        try:
            while (given := self._next()) is not None:
                self._tally.count("frames_given")
                yield given
        finally:
            self.close()

    def report(self) -> SourceReport:
        """Say what became of the frames so far."""
        return self._tally.report()

    def close(self) -> None:
        """Stop decoding and close the file."""
        self._stop.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._ready.get_nowait()
        with self._starting:
            thread = self._thread
            if thread is None:
                self._container.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next(self) -> Frame | None:
        while not self._stop.is_set():
            try:
                given = self._ready.get(timeout=0.5)
            except queue.Empty:
                continue
            if isinstance(given, BaseException):
                raise given
            return given
        return None

    def _decode(self) -> None:
        try:
            with self._container:
                self._decode_all()
            self._hand_over(None)
        except BaseException as error:  # noqa: BLE001 - what a thread meets is raised to the one who reads from it
            self._hand_over(error)

    def _decode_all(self) -> None:
        clock = self._clock()
        decoder = self._lazy_decoder(clock) if self._has_times else self._counting_decoder(clock)
        embedded = None
        if self._on_data is not None:
            embedded = EmbeddedData(
                self._stream, self._on_data, self._tally, lambda pts: clock.time_of(pts) if clock.started else None
            )
        for packet in self._packets(decoder):
            if self._stop.is_set():
                return
            if packet.stream_index == self._stream.index:
                self._give(decoder.feed(packet))
            if embedded is not None:
                embedded.feed(packet, received_at=None)
        self._give(decoder.finish())
        if embedded is not None:
            embedded.finish()
        self._check_end(decoder.last_time_s)

    def _lazy_decoder(self, clock: MediaClock) -> LazyDecoder:
        return LazyDecoder(self._codec(), clock=clock, want=self._want, tally=self._tally, on_key=self._on_key)

    def _counting_decoder(self, clock: MediaClock) -> CountingDecoder:
        self._tally.note("pictures without time stamps of their own: times were counted")
        return CountingDecoder(self._codec(), clock=clock, want=self._want, tally=self._tally)

    def _codec(self) -> VideoCodecContext:
        codec = self._stream.codec_context
        # Who wants every picture does more with each than decoding it: threads would take a third more of the processor
        # without anybody having to wait less.
        threads = 1 if self._want is None else min(_MOST_DECODER_THREADS, os.cpu_count() or 1)
        codec.thread_type = "AUTO" if threads > 1 else "NONE"
        codec.thread_count = threads
        return codec

    def _clock(self) -> MediaClock:
        time_base_s = float(self._stream.time_base or Fraction(1, 90_000))
        return MediaClock(time_base_s, self._frame_interval_s)

    def _packets(self, decoder: LazyDecoder | CountingDecoder) -> Iterator[Packet[Any]]:
        """Give every packet with data; damaged stretches are counted and passed over."""
        streams: list[Stream] = [self._stream]
        if self._on_data is not None:
            streams += data_streams(self._container)
        for _ in range(_MOST_DAMAGED_READS):
            try:
                for packet in demuxed(self._container, streams):
                    if packet.size:
                        if packet.is_corrupt:
                            self._tally.count("corrupt")
                            decoder.lost()
                        yield packet
                return
            except FFmpegError as error:
                self._tally.count("corrupt")
                self._tally.note(f"damaged after {decoder.last_time_s:.1f} s ({error.strerror})")
                decoder.lost()

    def _give(self, pictures: Iterator[Picked]) -> None:
        for picked in pictures:
            picture = picked.picture
            if picture.width * picture.height > MAX_PIXELS:
                self._tally.count("corrupt")
                continue
            turn = self._turns.of(picture)
            if turn is None:
                self._tally.note("asks to be displayed at an angle that is no quarter turn; shown as stored")
            pixels = pixels_of(picture, turn)
            self._tally.saw_size(pixels.size_wh_px)
            self._hand_over(
                Frame(
                    pixels=pixels,
                    captured_at=self._moment(picked.media_time_s),
                    source=str(self.path),
                    index=picked.index,
                    media_time_s=picked.media_time_s,
                )
            )
            if self._stop.is_set():
                return

    def _moment(self, media_time_s: float) -> datetime | None:
        return None if self.started_at is None else self.started_at + timedelta(seconds=media_time_s)

    def _hand_over(self, given: Frame | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(given, timeout=0.2)
                return
            except queue.Full:
                continue

    def _check_end(self, last_time_s: float) -> None:
        report = self._tally.report()
        if report.corrupt and not report.frames_decoded and self._want is None:
            raise VideoError(self.path, "holds no picture that can be decoded", _COPY_AGAIN)
        declared_s = self.duration_s
        missing_s = 0.0 if declared_s is None else declared_s - last_time_s - self._frame_interval_s
        if declared_s is not None and missing_s > max(1.0, 2 * self._frame_interval_s):
            self._tally.note(f"ends {missing_s:.1f} s before the {declared_s:.1f} s that it declares: truncated?")


def open_film(path: Path) -> InputContainer:
    """Open a film's file, and no other that it may name.

    Raises:
        VideoError: It cannot be read, or is no video.
    """
    if path.is_dir():
        raise VideoError(path, "is a folder, not a video", "name the videos in it")
    try:
        if path.exists() and not path.is_file():
            raise VideoError(path, "is no ordinary file", "name a video file")
        if path.stat().st_size == 0:
            raise VideoError(path, "is empty (0 bytes)", _COPY_AGAIN)
        # The prefix keeps FFmpeg from taking a file's name for an address or a pattern of names.
        return av.open(f"file:{path}", mode="r", options=_ONLY_FILMS, metadata_errors="replace")
    except FileNotFoundError as error:
        raise VideoError(path, "no such file", "check the path") from error
    except FFmpegError as error:
        raise VideoError(path, f"is no video that can be read, or damaged ({error.strerror})", _remedy(path)) from error
    except OSError as error:
        raise VideoError(path, f"cannot be read ({error.strerror})", "check its permissions") from error


def _remedy(path: Path) -> str:
    with path.open("rb") as file:
        begins_as_mp4 = file.read(8)[4:8] == b"ftyp"
    if begins_as_mp4:
        return "if the camera lost power while recording, let it repair the file, else copy it again from the card"
    return _COPY_AGAIN + ", or convert it to MP4 with H.264"


def video_stream(path: Path, container: InputContainer) -> VideoStream:
    """The stream of an opened film that is its picture, not its cover.

    Raises:
        VideoError: There is none that can be decoded.
    """
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    if container.streams.video:
        raise VideoError(path, "holds a video of a kind that cannot be decoded", "convert it to MP4 with H.264")
    raise VideoError(path, "holds no video", "name a video file")


def _may_carry_klv(container: InputContainer) -> bool:
    # MP4s of drones have data streams of several kinds; which of them are KLV stands in their names.
    names = [stream.name for stream in data_streams(container)]
    return bool(names) and ("klv" in names or container.format.name == "mpegts")


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    else:
        duration_s = (container.duration or 0) / 1_000_000
    return duration_s if duration_s > 0 else None


def _first_look(path: Path, stream: VideoStream) -> tuple[tuple[int, int], bool]:
    """Give the pictures' size as displayed, and whether packets say when they are to be displayed."""
    width_px, height_px = stream.codec_context.width, stream.codec_context.height
    if width_px <= 0 or height_px <= 0:
        raise VideoError(path, "holds no picture that can be decoded", _COPY_AGAIN)
    if width_px * height_px > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise VideoError(path, f"declares {width_px} × {height_px} pixels, more than {limit} million", "scale it down")
    size_wh_px = None
    with open_film(path) as container, contextlib.suppress(FFmpegError):
        # AVI has one time stamp a packet, that of decoding, and FFmpeg gives it out for both.
        has_times = container.format.name != "avi"
        packets = container.demux(video_stream(path, container))
        for packet in itertools.islice(packets, _PACKETS_OF_FIRST_LOOK):
            has_times = has_times and (packet.pts is not None or not packet.size)
            # One picture alone says how the pictures want to be turned.
            for picture in packet.decode()[:1] if size_wh_px is None else ():
                size_wh_px = displayed_size(picture)
    return size_wh_px or (width_px, height_px), has_times


def _start_without_doubt(container: InputContainer) -> datetime | None:
    """The recording's start where the camera wrote it with its offset from UTC.

    MP4's own `creation_time` is not taken: it has no offset, many drones write local time into it, and some cameras the
    end of the recording.
    """
    written = container.metadata.get("com.apple.quicktime.creationdate", "")
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)
