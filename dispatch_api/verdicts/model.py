"""A reviewer's verdict with the pictures that it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dispatch_api.cases.rejection import LabelIs, RejectionCode
from dispatch_api.evidence.looks import Box, PictureLook


@dataclass(frozen=True, kw_only=True)
class JudgedPicture:
    """One picture of a case as it was there when the reviewer decided.

    Attributes:
        original_sha256: Of the sealed original.
        extension: Of the original's file, without a dot.
        redacted_sha256: Of the whole picture with people and plates hidden.
        flight_id: The flight that took it.
        captured_at: When, aware; None where unknown.
        label: What the detector called the thing.
        confidence: Of the thing, 0 to 1.
        boxes_xyxy_px: The thing's boxes in the picture as displayed.
        look: What else the picture shows; None in stores that were written before it was kept.
    """

    original_sha256: str
    extension: str
    redacted_sha256: str
    flight_id: str
    captured_at: datetime | None
    label: str
    confidence: float
    boxes_xyxy_px: tuple[Box, ...]
    look: PictureLook | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a person said of a case that waited for review.

    Attributes:
        seq: Number of the entry in the history.
        case_id: The case.
        case_number: Its number, as people write it.
        matter: Key of its matter.
        label: What the detector called the thing.
        verdict: The case was confirmed, or rejected.
        reason: The reviewer's words.
        reason_code: The reviewer's code, of a rejection; None where only words were given.
        label_is: What that says of the detector's label.
        role: Role of whoever decided; names stay in the store.
        at: When, aware.
        lon: Degrees east of where the thing was seen first.
        lat: Degrees north of it.
        pictures: What the verdict rests on.
    """

    seq: int
    case_id: str
    case_number: str
    matter: str
    label: str
    verdict: Literal["confirmed", "rejected"]
    reason: str
    reason_code: RejectionCode | None
    label_is: LabelIs
    role: str
    at: datetime
    lon: float
    lat: float
    pictures: tuple[JudgedPicture, ...]

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a verdict's time needs a time zone")


@dataclass(frozen=True, kw_only=True)
class NearMiss:
    """A sighting near its threshold that waits for somebody's label; only a redacted cut-out is kept.

    Attributes:
        flight_id: The flight.
        picture_jpeg: The cut-out, people and plates hidden.
        source_sha256: SHA-256 of the original that it was cut from; None for frames of a video.
        label: What the model called it.
        confidence: 0 to 1.
        threshold: The model's threshold for that label.
        look: What the cut-out shows, in its pixels; the sighting itself is `mine`.
        seen_at: When, aware; None where unknown.
    """

    flight_id: str
    picture_jpeg: bytes
    source_sha256: str | None
    label: str
    confidence: float
    threshold: float
    look: PictureLook
    seen_at: datetime | None

    def __post_init__(self) -> None:
        if not self.picture_jpeg.startswith(b"\xff\xd8"):
            raise ValueError("picture_jpeg is no JPEG")
        if self.seen_at is not None and self.seen_at.tzinfo is None:
            raise ValueError("seen_at needs a time zone")
        if sum(finding.mine for finding in self.look.findings) != 1:
            raise ValueError("exactly one finding of a near miss is the sighting itself")


@dataclass(frozen=True, kw_only=True)
class KeptNearMiss:
    """A near miss as it lies in the store; the fields are those of `NearMiss`, the picture by its SHA-256."""

    near_miss_id: int
    flight_id: str
    picture_sha256: str
    source_sha256: str | None
    label: str
    confidence: float
    threshold: float
    look: PictureLook
    seen_at: datetime | None
    recorded_at: datetime
