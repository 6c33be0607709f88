"""Some seconds of a film as a file of their own: packets copied as they are, no picture coded anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from vision.errors import VideoError
from vision.sources.demuxing import demuxed
from vision.sources.video import open_film, video_stream

_IN_MP4 = frozenset({"h264", "hevc", "mpeg4", "av1", "vp9", "mjpeg"})
# Where no key picture comes after its end, a clip ends here: its last pictures may lack what they refer to.
_MOST_AFTER_S = 5.0
# A key picture so long before the moment that asks for it would make a film of a clip.
_MOST_BEFORE_S = 60.0
_PACKETS_OF_FIRST_LOOK = 20
_REMEDY = "convert it to MP4 with H.264 and a key picture every second or two"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A clip that was cut.

    Attributes:
        path: The file.
        first_s: Presentation time of its first picture, by the film's own clock (seconds since its first picture).
        last_s: And of its last one.
        pictures: How many it has.
    """

    path: Path
    first_s: float
    last_s: float
    pictures: int


def cut_clip(film: Path, stem: Path, *, first_s: float, last_s: float) -> Cut:
    """Copy the packets around some seconds of a film, from a key picture before to one after.

    Sound and data are left out: a voice is a person's, too. The same film cut at the same seconds is the same file.

    Args:
        film: A film in a file.
        stem: Where to put the clip, without suffix.
        first_s: It begins here or earlier.
        last_s: It ends here or later, or where the film does.

    Raises:
        VideoError: The film cannot be read, has no key picture near enough, or tells no times of its pictures.
    """
    try:
        begin = _first_stamp(film)
        with open_film(film) as container:
            stream = video_stream(film, container)
            clock = _Clock(begin=begin, time_base=stream.time_base or Fraction(1, 90_000))
            with suppress(FFmpegError):  # what cannot be wound forward is read from its beginning
                container.seek(clock.stamp(first_s), stream=stream, backward=True)
            wanted = packets_between(demuxed(container, [stream]), clock.seconds, first_s=first_s, last_s=last_s)
            return _written(film, stem, stream, wanted, clock, first_s=first_s)
    except FFmpegError as error:
        raise VideoError(film, f"cannot be cut at {first_s:.1f} s ({error.strerror})", _REMEDY) from error


def packets_between(
    packets: Iterable[Packet[Any]], seconds: Callable[[int], float], *, first_s: float, last_s: float
) -> Iterator[Packet[Any]]:
    """Those from the last key picture at or before `first_s` to the first one after `last_s`.

    Args:
        packets: Of one stream of pictures, in the order of the file.
        seconds: Tells when a packet's picture is shown.
        first_s: Seconds.
        last_s: Seconds.
    """
    held: list[Packet[Any]] | None = []
    for packet in packets:
        if packet.pts is None or packet.dts is None or not packet.size:
            continue
        at_s = seconds(packet.pts)
        if (packet.is_keyframe and at_s > last_s) or at_s > last_s + _MOST_AFTER_S:
            break
        if held is None:
            yield packet
            continue
        if packet.is_keyframe and at_s <= first_s:
            held = []
        if held or packet.is_keyframe:
            held.append(packet)
        if held and at_s >= first_s:
            yield from held
            held = None
    yield from held or ()


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """A film's own clock."""

    begin: int
    time_base: Fraction

    def seconds(self, stamp: int) -> float:
        return float((stamp - self.begin) * self.time_base)

    def stamp(self, seconds: float) -> int:
        return self.begin + int(max(0.0, seconds) / self.time_base)


def _first_stamp(film: Path) -> int:
    """The time stamp of the film's first picture."""
    with open_film(film) as container:
        packets = demuxed(container, [video_stream(film, container)])
        stamps = [packet.pts for packet in islice(packets, _PACKETS_OF_FIRST_LOOK) if packet.pts is not None]
        if not stamps or container.format.name == "avi":
            raise VideoError(film, "does not say when its pictures are shown, so no clip is cut", _REMEDY)
    return min(stamps)


def _written(
    film: Path, stem: Path, stream: VideoStream, packets: Iterable[Packet[Any]], clock: _Clock, *, first_s: float
) -> Cut:
    in_mp4 = stream.codec_context.name in _IN_MP4
    out, format_name = stem.with_name(stem.name + (".mp4" if in_mp4 else ".mkv")), "mp4" if in_mp4 else "matroska"
    stamps: list[int] = []
    with av.open(str(out), "w", format=format_name, options={"fflags": "+bitexact"}) as target:
        copy = target.add_stream_from_template(stream)
        for packet in packets:
            assert packet.pts is not None
            assert packet.dts is not None
            if not stamps and clock.seconds(packet.pts) < first_s - _MOST_BEFORE_S:
                raise VideoError(
                    film, f"has no key picture in the {_MOST_BEFORE_S:.0f} s before {first_s:.1f} s", _REMEDY
                )
            stamps.append(packet.pts)
            packet.pts, packet.dts = packet.pts - stamps[0], packet.dts - stamps[0]
            packet.stream = copy
            target.mux_one(packet)
    if not stamps:
        raise VideoError(film, f"has no picture at {first_s:.1f} s", _REMEDY)
    return Cut(path=out, first_s=clock.seconds(min(stamps)), last_s=clock.seconds(max(stamps)), pictures=len(stamps))
