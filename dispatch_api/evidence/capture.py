"""What an original is and how it was taken: a photo or a frame of a film, and where the camera was."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class CameraPose:
    """Where a camera was and how it looked, with one-sigma errors.

    Attributes:
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        alt_m: Altitude in `alt_datum`.
        alt_datum: `home` (above the take-off point), `msl` or `ellipsoid`.
        heading_deg: Clockwise from true north; None where unknown.
        pitch_deg: -90 straight down; None where unknown.
        roll_deg: None where unknown.
        sigma_east_m: Error of the place, east.
        sigma_north_m: Error of the place, north.
        sigma_height_m: Error of the altitude.
        sigma_heading_deg: Error of the heading.
        sigma_pitch_deg: Error of the pitch.
    """

    lon: float
    lat: float
    alt_m: float
    alt_datum: str
    heading_deg: float | None
    pitch_deg: float | None
    roll_deg: float | None
    sigma_east_m: float
    sigma_north_m: float
    sigma_height_m: float
    sigma_heading_deg: float
    sigma_pitch_deg: float

    def __post_init__(self) -> None:
        numbers = [value for value in asdict(self).values() if isinstance(value, float)]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("every number of a pose must be finite")


@dataclass(frozen=True, kw_only=True)
class Capture:
    """Where an original comes from.

    Attributes:
        kind: `photo`: the file as the camera wrote it; `video`: the still of a frame of a file; `stream`: the still of
            a frame of what was never a file; `clip`: some seconds of either, not coded anew.
        source_name: Name of the file that it comes from; empty for a stream.
        source_sha256: SHA-256 of that file's bytes, taken before any decoding; None for a stream.
        frame: Position of the frame, from 0; None for a photo.
        media_time_s: Presentation time of the frame, or of the clip's first, by the film's own clock; None for a photo.
        duration_s: Length of a clip; None for anything else.
        pose: Where the camera was; None where unknown.
    """

    kind: Literal["photo", "video", "stream", "clip"]
    source_name: str
    source_sha256: str | None
    frame: int | None = None
    media_time_s: float | None = None
    pose: CameraPose | None = None
    duration_s: float | None = None

    def __post_init__(self) -> None:
        if self.source_sha256 is not None and not _SHA256.fullmatch(self.source_sha256):
            raise ValueError("source_sha256 is 64 hexadecimal digits")
        if (self.kind == "clip") != (self.duration_s is not None):
            raise ValueError("a clip has a length, and nothing else has one")
        if self.kind == "clip":
            if self.frame is not None or self.media_time_s is None:
                raise ValueError("a clip has the time at which it begins, and is no frame")
            return
        if (self.source_sha256 is None) != (self.kind == "stream"):
            raise ValueError("a file has a SHA-256, and a stream has none")
        if (self.kind == "photo") != (self.frame is None and self.media_time_s is None):
            raise ValueError("a frame of a film has a position and a time, and a photo has neither")

    def as_json(self) -> dict[str, Any]:
        """The value as it lies in the store."""
        told = asdict(self)
        if self.duration_s is None:
            del told["duration_s"]
        return told

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The value as `as_json` wrote it."""
        pose = raw["pose"]
        return cls(**{**raw, "pose": None if pose is None else CameraPose(**pose)})
