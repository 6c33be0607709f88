"""Stills of videos and streams: a frame becomes a file of its own only when it is chosen as evidence."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from flyonce.looks import FilmFrame, OriginalFile
from vision.frame import Frame

JPEG_QUALITY = 95
_IMAGE_DESCRIPTION, _DATE_TIME = 0x010E, 0x0132


@dataclass(frozen=True, kw_only=True)
class StillOriginal:
    """A frame of a video or stream that may become evidence.

    Attributes:
        frame: The frame.
        stem: Name of the file, without suffix.
        note: Where and when it comes from, in plain ASCII; written into the file itself.
        film: The same for the record.
    """

    frame: Frame
    stem: str
    note: str
    film: FilmFrame | None = None

    def secure(self, folder: Path) -> OriginalFile:
        """Write the still as JPEG of quality 95 with full colour resolution; its note stands in its EXIF."""
        exif = Image.Exif()
        exif[_IMAGE_DESCRIPTION] = self.note
        if self.frame.captured_at is not None:
            exif[_DATE_TIME] = f"{self.frame.captured_at:%Y:%m:%d %H:%M:%S}"
        picture = Image.fromarray(np.ascontiguousarray(self.frame.image_bgr[:, :, ::-1]))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0, exif=exif)
        data = out.getvalue()
        path = folder / f"{self.stem}.jpg"
        path.write_bytes(data)
        return OriginalFile(path=path, sha256=hashlib.sha256(data).hexdigest(), film=self.film)


def clock_text(seconds: float) -> str:
    """Media time as people read it, fit for file names: 00-01-05.250."""
    milli = round(seconds * 1000)
    return f"{milli // 3_600_000:02}-{milli // 60_000 % 60:02}-{milli // 1000 % 60:02}.{milli % 1000:03}"
