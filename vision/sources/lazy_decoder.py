"""Decodes no more of a video than it takes to give the wanted pictures.

Packets are asked for in the order of display, before they are decoded. Unwanted ones are kept, still compressed, until
either a wanted picture needs them as references, or the next key picture makes them needless; unwanted pictures that
nothing refers to are never decoded at all.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vision.sources.damage import Damage
from vision.sources.media_clock import MediaClock
from vision.sources.tally import Tally

_LONGEST_REORDERING = 16
"""Most pictures that H.264 and H.265 allow between decoding and display."""
_LONGEST_WAIT_FOR_KEY = 300
"""Packets; a stream refreshed bit by bit instead of by key pictures must not stay dark for ever."""
_LONGEST_STEP_S = 5.0
_MOST_HELD = 600
_MOST_HELD_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Picked:
    """A picture that was wanted.

    Attributes:
        picture: The decoded picture.
        index: Its position in the video, in the order of display, from 0, unwanted ones counted.
        media_time_s: Seconds since the first picture.
    """

    picture: VideoFrame
    index: int
    media_time_s: float


@dataclass(order=True)
class _Held:
    pts: int
    order: int
    packet: Packet[VideoStream] = field(compare=False)
    asked: bool = field(default=False, compare=False)
    wanted: bool = field(default=False, compare=False)


class LazyDecoder:
    """One run through a video stream's packets."""

    def __init__(
        self,
        codec: VideoCodecContext,
        *,
        clock: MediaClock,
        want: Callable[[float], bool] | None,
        tally: Tally,
        on_key: Callable[[float], None] | None = None,
    ) -> None:
        """Make ready.

        Args:
            codec: The stream's decoder; nobody else may use it.
            clock: Tells times by the packets' time stamps.
            want: Asked once for every picture with its `media_time_s`, in order of display; None wants all.
            tally: Where counts and problems go.
            on_key: Told the `media_time_s` of every key picture, before `want` is asked about it.
        """
        self._codec = codec
        self._clock = clock
        self._want = want
        self._on_key = on_key
        self._tally = tally
        self._unasked: list[_Held] = []
        self._undecoded: deque[_Held] = deque()
        self._undecoded_bytes = 0
        self._awaited: dict[int, tuple[int, float]] = {}
        self._early: dict[int, VideoFrame] = {}
        self._fed = 0
        self._asked = 0
        self._before_key = 0
        self._last_dts: int | None = None
        self._is_busy = False
        self._suspect: Packet[VideoStream] | None = None
        self._longest_step = clock.stamps_in(_LONGEST_STEP_S)
        self._damage = Damage()

    def feed(self, packet: Packet[VideoStream]) -> Iterator[Picked]:
        """Take the next packet of the stream, in the order of the file.

        Args:
            packet: A packet with data.

        Yields:
            Pictures that are ready, in order of display.
        """
        if not self._can_begin_with(packet):
            return
        suspect, self._suspect = self._suspect, None
        if suspect is not None:
            if self._follows(packet):
                self._tally.count("corrupt")
                self._tally.note("a picture's time stamp is damaged; the picture was left out")
                self.lost()
            else:
                yield from self._accept(suspect)
        if self._follows(packet):
            yield from self._accept(packet)
        else:
            self._suspect = packet

    def finish(self) -> Iterator[Picked]:
        """Give what is still on its way; the decoder can be fed again from a key picture on."""
        suspect, self._suspect = self._suspect, None
        if suspect is not None:
            yield from self._accept(suspect)
        yield from self._flushed()

    def lost(self) -> None:
        """Hear that packets were lost: pictures up to the next key picture cannot be trusted."""
        self._damage.began(self._clock.last_s)

    @property
    def last_time_s(self) -> float:
        """`media_time_s` of the latest picture that was asked for."""
        return self._clock.last_s

    def time_of(self, pts: int) -> float:
        """The `media_time_s` that a time stamp stands for, on the present stretch of the stream's clock."""
        return self._clock.time_of(pts)

    def _follows(self, packet: Packet[VideoStream]) -> bool:
        """Whether a packet goes on where the last one was; one that jumps is looked at together with the next one."""
        if packet.dts is None or self._last_dts is None:
            return True
        return 0 <= packet.dts - self._last_dts <= self._longest_step

    def _accept(self, packet: Packet[VideoStream]) -> Iterator[Picked]:
        pts, dts = self._stamped(packet)
        if dts is not None and self._last_dts is not None and dts < self._last_dts:
            yield from self._flushed()
            self._clock.jump()
            self._tally.note("the video's clock jumps back; times were carried on from where it jumped")
        self._last_dts = dts if dts is not None else self._last_dts
        held = _Held(pts=pts, order=self._fed, packet=packet)
        self._fed += 1
        self._undecoded.append(held)
        self._undecoded_bytes += packet.size
        heapq.heappush(self._unasked, held)
        while self._unasked and self._is_next(self._unasked[0], dts):
            yield from self._ask(heapq.heappop(self._unasked))
        while len(self._undecoded) > _MOST_HELD or self._undecoded_bytes > _MOST_HELD_BYTES:
            yield from self._decode_next()

    def _flushed(self) -> Iterator[Picked]:
        while self._unasked:
            yield from self._ask(heapq.heappop(self._unasked))
        self._forget_undecoded(len(self._undecoded))
        yield from self._drained()
        self._last_dts = None

    def _can_begin_with(self, packet: Packet[VideoStream]) -> bool:
        if self._fed or packet.is_keyframe or self._before_key >= _LONGEST_WAIT_FOR_KEY:
            return True
        self._before_key += 1
        self._tally.count("corrupt")
        self._tally.note("begins in the middle: pictures before the first key picture cannot be shown")
        return False

    def _is_next(self, held: _Held, dts: int | None) -> bool:
        """Whether no later packet can be displayed earlier."""
        return len(self._unasked) > _LONGEST_REORDERING or (dts is not None and held.pts <= dts)

    def _stamped(self, packet: Packet[VideoStream]) -> tuple[int, int | None]:
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            self._tally.note("packets without time stamps: their times were counted at the usual rate")
            pts = packet.pts = self._clock.next_pts
        elif packet.pts is None:
            packet.pts = pts
        self._clock.saw(pts)
        return pts, packet.dts

    def _ask(self, held: _Held) -> Iterator[Picked]:
        index, self._asked = self._asked, self._asked + 1
        time_s = self._clock.advance(held.pts)
        held.asked = True
        if self._on_key is not None and held.packet.is_keyframe:
            self._on_key(time_s)
        held.wanted = self._want is None or self._want(time_s)
        if held.packet.is_keyframe:
            yield from self._skip_to(held)
        if held.wanted:
            self._awaited[held.pts] = (index, time_s)
            early = self._early.pop(held.pts, None)
            if early is not None:
                yield from self._matched(early)
        self._early = {pts: picture for pts, picture in self._early.items() if pts > held.pts}
        while self._awaited and self._undecoded:
            yield from self._decode_next()

    def _skip_to(self, key: _Held) -> Iterator[Picked]:
        """Forget what was waiting before a key picture: nothing behind it refers to that."""
        if key not in self._undecoded:
            return
        needless = self._undecoded.index(key)
        if needless:
            self._forget_undecoded(needless)
            if self._is_busy:
                yield from self._drained()

    def _forget_undecoded(self, number: int) -> None:
        for _ in range(number):
            self._undecoded_bytes -= self._undecoded.popleft().packet.size

    def _decode_next(self) -> Iterator[Picked]:
        held = self._undecoded.popleft()
        self._undecoded_bytes -= held.packet.size
        self._is_busy = True
        self._codec.skip_frame = "NONREF" if held.asked and not held.wanted else "DEFAULT"
        try:
            pictures = self._codec.decode(held.packet)
        except FFmpegError:
            self._tally.count("corrupt")
            self._damage.began(self._clock.time_of(held.pts))
            self._awaited.pop(held.pts, None)
            return
        for picture in pictures:
            yield from self._matched(picture)

    def _drained(self) -> Iterator[Picked]:
        try:
            for picture in self._codec.decode(None):
                yield from self._matched(picture)
        except FFmpegError:
            self._tally.count("corrupt")
        self._codec.flush_buffers()
        self._is_busy = False
        self._tally.count("corrupt", len(self._awaited))
        self._awaited.clear()
        self._early.clear()

    def _matched(self, picture: VideoFrame) -> Iterator[Picked]:
        """Give a picture if it was awaited; those awaited before it are lost, since pictures come in order."""
        pts = picture.pts
        if pts is None or self._damage.covers(picture, self._clock.time_of(pts)):
            self._tally.count("corrupt")
            if pts is not None:
                self._awaited.pop(pts, None)
            return
        self._tally.count("frames_decoded")
        awaited = self._awaited.pop(pts, None)
        for missed in [other for other in self._awaited if other < pts]:
            del self._awaited[missed]
            self._tally.count("corrupt")
        if awaited is not None:
            yield Picked(picture=picture, index=awaited[0], media_time_s=awaited[1])
        elif any(held.pts == pts for held in self._unasked):
            self._early[pts] = picture
