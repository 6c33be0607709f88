"""What a flight was: positions, pictures, where it was broken off, and the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PhotoEvent:
    """A picture was taken: where the camera was and looked (CAMERA_FEEDBACK, CAMERA_IMAGE_CAPTURED).

    Attributes:
        index: The camera's counter.
        lon: Degrees.
        lat: Degrees.
        alt_msl_m: Height above mean sea level.
        alt_home_m: Height above home.
        heading_deg: Of the camera, clockwise from true north, 0 to 360.
        pitch_deg: Of the camera, 0 level, -90 straight down.
        roll_deg: Of the camera.
        at: When, by the vehicle's clock (aware UTC).
    """

    index: int
    lon: float
    lat: float
    alt_msl_m: float
    alt_home_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PositionEvent:
    """Where the drone is (GLOBAL_POSITION_INT).

    Attributes:
        at: When, by the vehicle's clock (aware UTC).
        lon: Degrees.
        lat: Degrees.
        alt_msl_m: Height above mean sea level.
        alt_home_m: Height above home.
        heading_deg: Of the nose, clockwise from true north, or None where the vehicle does not know.
        speed_m_s: Over ground.
    """

    at: datetime
    lon: float
    lat: float
    alt_msl_m: float
    alt_home_m: float
    heading_deg: float | None
    speed_m_s: float


@dataclass(frozen=True, kw_only=True)
class BreakPoint:
    """Where a vehicle stopped flying its mission.

    Attributes:
        item: Number of the item that it was flying to, from 1.
        lon: Degrees.
        lat: Degrees.
        alt_home_m: Height above home.
    """

    item: int
    lon: float
    lat: float
    alt_home_m: float


@dataclass(frozen=True, kw_only=True)
class FlightLog:
    """A finished flight.

    Attributes:
        started_at: Time of the first position, just before arming, by the vehicle's clock (aware UTC).
        ended_at: Time of the last position, when it was disarmed again.
        photos: Every picture, in order.
        track: Every position reported in between.
        flown_m: Horizontal metres along the track.
        last_item: Number of the last mission item that was reached.
        completed: Whether the mission ended with its last item.
        tlog_path: Where the telemetry was recorded, if it was.
        plan_hash: Of the plan that the vehicle was found to hold before it was armed.
        break_point: Where the mission was left for good; None for one that was flown to its end.
        gaps: Where the mission was left and taken up elsewhere, by others or because nobody here saw where it was left:
            the rows there may lack photos.
        pauses: How often it was paused.
        link_losses: How often the vehicle was not heard for a while.
        texts: What the vehicle said, in order (STATUSTEXT).
    """

    started_at: datetime
    ended_at: datetime
    photos: tuple[PhotoEvent, ...]
    track: tuple[PositionEvent, ...]
    flown_m: float
    last_item: int
    completed: bool
    tlog_path: Path | None
    plan_hash: str = ""
    break_point: BreakPoint | None = None
    gaps: tuple[BreakPoint, ...] = ()
    pauses: int = 0
    link_losses: int = 0
    texts: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last position, by the vehicle's clock."""
        return (self.ended_at - self.started_at).total_seconds()
