"""Decodes every packet as it comes: for live streams, whose pictures must not wait for the next packet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vision.sources.damage import Damage
from vision.sources.gaps import Moment
from vision.sources.tally import Tally

_MOST_IN_DECODER = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Received:
    """A whole picture of a live stream.

    Attributes:
        picture: The decoded picture.
        pts: Its time stamp, in the stream's time base; None where the stream has none.
        moment: When its packet arrived.
    """

    picture: VideoFrame
    pts: int | None
    moment: Moment


class EagerDecoder:
    """One connection's decoder."""

    def __init__(self, codec: VideoCodecContext, *, time_of: Callable[[int], float], tally: Tally) -> None:
        """Make ready.

        Args:
            codec: The stream's decoder.
            time_of: Gives seconds for a time stamp, to tell how long damage lasts.
            tally: Where counts go.
        """
        self._codec = codec
        self._time_of = time_of
        self._tally = tally
        self._damage = Damage()
        self._arrived: dict[int, Moment] = {}
        self._seen_key = False

    def feed(self, packet: Packet[VideoStream], moment: Moment) -> Iterator[Received]:
        """Take a packet and give the pictures that come out.

        Args:
            packet: The next packet.
            moment: When it arrived.
        """
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._remember(stamp, moment)
        if packet.is_corrupt:
            self._tally.count("corrupt")
            self._lost(stamp)
        try:
            pictures = self._codec.decode(packet)
        except FFmpegError:
            # Before the first key picture a stream joined in its middle cannot be decoded: that is no damage.
            if self._seen_key or packet.is_keyframe:
                self._tally.count("corrupt")
            self._lost(stamp)
            return
        for picture in pictures:
            yield from self._whole(picture, moment)

    def _remember(self, stamp: int, moment: Moment) -> None:
        self._arrived[stamp] = moment
        if len(self._arrived) > _MOST_IN_DECODER:
            del self._arrived[next(iter(self._arrived))]

    def _lost(self, stamp: int | None) -> None:
        self._damage.began(0.0 if stamp is None else self._time_of(stamp - 1))

    def _whole(self, picture: VideoFrame, moment: Moment) -> Iterator[Received]:
        self._seen_key = self._seen_key or picture.key_frame
        pts = picture.pts
        if self._damage.covers(picture, 0.0 if pts is None else self._time_of(pts)):
            if self._seen_key:
                self._tally.count("corrupt")
            return
        self._tally.count("frames_decoded")
        arrived = moment if pts is None else self._arrived.pop(pts, moment)
        yield Received(picture=picture, pts=pts, moment=arrived)
