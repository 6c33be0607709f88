"""The copy of a film that leaves the house: fewer, smaller pictures, people and plates hidden in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from vision.detections import Detections
from vision.pixels import Image
from vision.redaction import redact

MOST_SIDE_PX = 1280
_MILLI = 1000
_QUALITY = {"crf": "26", "preset": "veryfast", "tune": "zerolatency"}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A picture of a film, and everything in it that may have to be hidden."""

    image_bgr: Image
    media_time_s: float
    hide: Detections


def hidden_moments(moments: Iterable[Moment]) -> Iterator[Moment]:
    """Hide in each picture what was found in it, and what was found in the one before it and in the one after.

    A person whom the detector misses in one picture of many would be seen by whoever stops the film there.
    """
    before = Detections.empty()
    waiting: Moment | None = None
    for moment in moments:
        if waiting is not None:
            yield _hidden(waiting, before, moment.hide)
            before = waiting.hide
        waiting = moment
    if waiting is not None:
        yield _hidden(waiting, before, Detections.empty())


def _hidden(moment: Moment, before: Detections, after: Detections) -> Moment:
    everything = Detections.concatenate([moment.hide, before, after])
    image = redact(moment.image_bgr, everything)
    return Moment(image_bgr=image, media_time_s=moment.media_time_s, hide=moment.hide)


def write_film(moments: Iterable[Moment], out: Path, *, most_side_px: int = MOST_SIDE_PX) -> int:
    """Write pictures as an MP4 with H.264 that browsers show, each for as long as it was shown; no sound, no metadata.

    Args:
        moments: In order of time.
        out: The new file.
        most_side_px: The longer side is made no longer than this.

    Returns:
        How many pictures were written.
    """
    count, begin_s = 0, 0.0
    with av.open(str(out), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as target:
        stream = target.add_stream("libx264", rate=25, options=_QUALITY)
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, _MILLI)
        stream.codec_context.time_base = Fraction(1, _MILLI)
        for moment in moments:
            small = _small(moment.image_bgr, most_side_px)
            if not count:
                begin_s = moment.media_time_s
                stream.height, stream.width = small.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(small), format="bgr24")
            frame.pts = round((moment.media_time_s - begin_s) * _MILLI)
            frame.time_base = Fraction(1, _MILLI)
            target.mux(stream.encode(frame))
            count += 1
        if count:
            target.mux(stream.encode())
    return count


def _small(image: Image, most_side_px: int) -> Image:
    """The picture, no larger than asked for, with even sides as H.264 wants them."""
    height, width = image.shape[:2]
    scale = min(1.0, most_side_px / max(height, width))
    size = (max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2))
    return (
        image
        if size == (width, height)
        else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    )
