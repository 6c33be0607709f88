"""What comes in: one confirmed thing of one flight, with its place, its error and its pictures."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dispatch_api.cases.model import CaseState
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.evidence.capture import Capture
from dispatch_api.evidence.looks import PictureLook

_SHA256 = re.compile(r"[0-9a-f]{64}")

LonLat = tuple[float, float]
Covariance = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One picture of an observation.

    Attributes:
        original_path: The file as it came from the camera; it is copied and sealed.
        original_sha256: SHA-256 of that file, taken before any processing.
        captured_at: When it was taken (aware), None when unknown.
        boxes_xyxy_px: The thing's boxes in the picture as decoded.
        annotated_jpeg: The picture with the thing's box drawn, people blurred; of a clip, its cover.
        redacted_jpeg: The full picture, people and plates blurred.
        look: What else was found in the picture and by which model, where it is known.
        capture: What the original is, a photo or a frame of which film, and where the camera was; None where unknown.
        cards: The cards of the models that found what `look` tells, as they are now.
        redacted_film: Where the original is a clip, the whole of it with people and plates blurred, as an MP4 file.
    """

    original_path: Path
    original_sha256: str
    captured_at: datetime | None
    boxes_xyxy_px: tuple[tuple[float, float, float, float], ...] = ()
    annotated_jpeg: bytes
    redacted_jpeg: bytes
    look: PictureLook | None = None
    capture: Capture | None = None
    cards: tuple[bytes, ...] = ()
    redacted_film: Path | None = None

    def __post_init__(self) -> None:
        if (self.redacted_film is not None) != (self.capture is not None and self.capture.kind == "clip"):
            raise ValueError("a clip has a redacted film, and a picture has none")
        if not _SHA256.fullmatch(self.original_sha256):
            raise ValueError("original_sha256 is 64 hexadecimal digits")
        if self.captured_at is not None and self.captured_at.tzinfo is None:
            raise ValueError("captured_at needs a time zone")
        for name in ("annotated_jpeg", "redacted_jpeg"):
            if not getattr(self, name).startswith(b"\xff\xd8"):
                raise ValueError(f"{name} is no JPEG")


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One confirmed thing of one flight.

    Attributes:
        key: The observation's own name; the same key again brings it up to date.
        matter: Key of the matter.
        label: What the detector called it.
        confidence: 0 to 1.
        lon: Degrees east, WGS 84.
        lat: Degrees north, WGS 84.
        covariance_m2: ((east-east, east-north), (north-east, north-north)) of the place, in m².
        footprint_lonlat: Its outline on the ground, at least three corners, or None.
        extent_m2: Its area, or None.
        extent_sigma_m2: One-sigma error of the area; None where it is unknown, which is not 0.
        first_seen_at: Aware.
        last_seen_at: Aware, not before `first_seen_at`.
        flight_id: The flight that saw it.
        frames: In how many pictures.
        zones: The zones it lies in, with probabilities.
        address: Where it is, in words.
        evidence: Its pictures, the best one first.
        review_required: True when a person must look whatever the confidence.
        apart_from: Keys of observations that are surely of other things: one picture showed both.
        offset_m: How far the flight's places lie off those of known cases, metres east and north: taken off to compare,
            never from what is recorded.
    """

    key: str
    matter: str
    label: str
    confidence: float
    lon: float
    lat: float
    covariance_m2: Covariance
    footprint_lonlat: tuple[LonLat, ...] | None = None
    extent_m2: float | None = None
    extent_sigma_m2: float | None = None
    first_seen_at: datetime
    last_seen_at: datetime
    flight_id: str
    frames: int = 1
    zones: tuple[ZoneFact, ...] = ()
    address: str | None = None
    evidence: tuple[Evidence, ...] = ()
    review_required: bool = False
    apart_from: tuple[str, ...] = ()
    offset_m: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise ValueError(f"observation {self.key!r}: {problem}")


def _problem(seen: Observation) -> str | None:
    (ee, en), (ne, nn) = seen.covariance_m2
    numbers = (
        seen.lon,
        seen.lat,
        ee,
        en,
        ne,
        nn,
        seen.confidence,
        *seen.offset_m,
        *(number for number in (seen.extent_m2, seen.extent_sigma_m2) if number is not None),
    )
    checks = {
        "key, matter and flight_id must not be empty": bool(seen.key and seen.matter and seen.flight_id),
        "every number must be finite": all(math.isfinite(number) for number in numbers),
        "lon is -180 to 180 and lat -90 to 90": abs(seen.lon) <= 180 and abs(seen.lat) <= 90,
        "confidence is 0 to 1": 0 <= seen.confidence <= 1,
        "covariance_m2 must be symmetric": math.isclose(en, ne, rel_tol=1e-6, abs_tol=1e-9),
        "covariance_m2 must be positive definite": ee > 0 and nn > 0 and ee * nn - en * ne > 0,
        "times need a time zone": seen.first_seen_at.tzinfo is not None and seen.last_seen_at.tzinfo is not None,
        "at least one frame": seen.frames >= 1,
        "extent_m2 is not negative": seen.extent_m2 is None or seen.extent_m2 >= 0,
        "extent_sigma_m2 is not negative": seen.extent_sigma_m2 is None or seen.extent_sigma_m2 >= 0,
        "extent_sigma_m2 is the error of an extent_m2": seen.extent_sigma_m2 is None or seen.extent_m2 is not None,
        "a footprint has three corners or more": seen.footprint_lonlat is None or len(seen.footprint_lonlat) >= 3,
    }
    failed = next((text for text, fine in checks.items() if not fine), None)
    if failed is None and seen.last_seen_at < seen.first_seen_at:
        return "last_seen_at is before first_seen_at"
    return failed


@dataclass(frozen=True, kw_only=True)
class IssuedTask:
    """A task as `Recorded` reports it."""

    task_id: int
    department: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What became of an observation.

    `case_id` and `case_number` are None, and `state` is None, where the rules say that there is no offence: it was
    only counted. `opened` is True when a new case was made of it (whatever its state).
    """

    case_id: str | None
    case_number: str | None
    opened: bool
    tasks: tuple[IssuedTask, ...]
    state: CaseState | None
