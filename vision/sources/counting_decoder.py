"""Decodes videos whose packets do not say when they are displayed: raw H.264 and H.265, AVI."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vision.sources.damage import Damage
from vision.sources.lazy_decoder import Picked
from vision.sources.media_clock import MediaClock
from vision.sources.tally import Tally


class CountingDecoder:
    """Decodes everything; the n-th picture displayed has the n-th time among those at which packets are decoded.

    Which picture a packet holds is known only after decoding, so unwanted ones save no more than their conversion.
    """

    def __init__(
        self, codec: VideoCodecContext, *, clock: MediaClock, want: Callable[[float], bool] | None, tally: Tally
    ) -> None:
        """Make ready; the arguments are those of `LazyDecoder`."""
        self._codec = codec
        self._clock = clock
        self._want = want
        self._tally = tally
        self._damage = Damage()
        self._stamps: list[int] = []
        self._shown = 0

    def feed(self, packet: Packet[VideoStream]) -> Iterator[Picked]:
        """Take the next packet of the stream and give the pictures that are ready, in order of display."""
        stamp = packet.dts if packet.dts is not None else self._clock.next_pts
        self._clock.saw(stamp)
        heapq.heappush(self._stamps, stamp)
        yield from self._decoded(packet)

    def finish(self) -> Iterator[Picked]:
        """Give what is still on its way."""
        yield from self._decoded(None)

    def lost(self) -> None:
        """Hear that packets were lost: pictures up to the next key picture cannot be trusted."""
        self._damage.began(self._clock.last_s)

    @property
    def last_time_s(self) -> float:
        """`media_time_s` of the latest picture."""
        return self._clock.last_s

    def time_of(self, pts: int) -> float:
        """The `media_time_s` that a time stamp stands for."""
        return self._clock.time_of(pts)

    def _decoded(self, packet: Packet[VideoStream] | None) -> Iterator[Picked]:
        try:
            pictures = self._codec.decode(packet)
        except FFmpegError:
            self._tally.count("corrupt")
            self.lost()
            return
        for picture in pictures:
            yield from self._shown_next(picture)

    def _shown_next(self, picture: VideoFrame) -> Iterator[Picked]:
        stamp = heapq.heappop(self._stamps) if self._stamps else self._clock.next_pts
        time_s = self._clock.advance(stamp)
        index, self._shown = self._shown, self._shown + 1
        if self._damage.covers(picture, time_s):
            self._tally.count("corrupt")
            return
        self._tally.count("frames_decoded")
        if self._want is None or self._want(time_s):
            yield Picked(picture=picture, index=index, media_time_s=time_s)
