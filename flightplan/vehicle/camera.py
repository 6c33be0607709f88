"""The simulated drone's camera: its gimbal, and photos by distance flown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flightplan.projection import LocalFrame
from flightplan.vehicle.body import Body


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One picture taken: where the camera truly was and looked, at that moment.

    Attributes:
        index: Counts from 1.
        at_s: Seconds since the vehicle was switched on.
        lon: Degrees.
        lat: Degrees.
        alt_home_m: Height above home.
        heading_deg: Of the camera, clockwise from true north.
        pitch_deg: Of the camera, -90 straight down.
        roll_deg: Of the camera.
    """

    index: int
    at_s: float
    lon: float
    lat: float
    alt_home_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float


class Camera:
    """Takes photos; `on_photo` is called for each."""

    def __init__(self, body: Body, on_photo: Callable[[Photo], None]) -> None:
        self._body = body
        self._on_photo = on_photo
        self.photos = 0
        self._pitch_deg = 0.0
        self._looked_at: tuple[float, float, float] | None = None
        self._trigger_m = 0.0
        self._from_m = 0.0

    def point(self, pitch_deg: float) -> None:
        """Turns the gimbal; NaN leaves it. The camera follows the drone's nose again."""
        self._looked_at = None
        if math.isfinite(pitch_deg):
            self._pitch_deg = pitch_deg

    def look_at(self, place_en: tuple[float, float], alt_home_m: float) -> None:
        """Keeps the camera on a place: metres east, north and up from home."""
        self._looked_at = (*place_en, alt_home_m)

    @property
    def heading_deg(self) -> float:
        """Where the camera looks, clockwise from true north."""
        return self._angles()[0]

    @property
    def pitch_deg(self) -> float:
        """Of the camera, -90 straight down."""
        return self._angles()[1]

    def _angles(self) -> tuple[float, float]:
        body = self._body
        if self._looked_at is None:
            return body.heading_deg, self._pitch_deg
        east_m, north_m = self._looked_at[0] - body.place_en[0], self._looked_at[1] - body.place_en[1]
        away_m, up_m = math.hypot(east_m, north_m), self._looked_at[2] - body.alt_m
        return math.degrees(math.atan2(east_m, north_m)) % 360, math.degrees(math.atan2(up_m, away_m))

    def trigger(self, distance_m: float, *, at_once: bool, frame: LocalFrame, now_s: float) -> None:
        """A photo each `distance_m` from here on; 0 ends that."""
        self._trigger_m = distance_m if distance_m > 0 else 0.0
        self._from_m = self._body.travelled_m
        if self._trigger_m > 0 and at_once:
            self._take(frame, now_s, 0.0)

    def stop(self) -> None:
        """No more photos."""
        self._trigger_m = 0.0

    def flown(self, before_m: float, frame: LocalFrame, began_s: float, dt_s: float) -> None:
        """Takes the photos whose distance was reached during this step, each at the place where it was."""
        after_m = self._body.travelled_m
        while self._trigger_m > 0 and after_m - self._from_m >= self._trigger_m:
            self._from_m += self._trigger_m
            back_m = after_m - self._from_m
            self._take(frame, began_s + dt_s * (1 - back_m / max(after_m - before_m, 1e-9)), back_m)

    def _take(self, frame: LocalFrame, at_s: float, back_m: float) -> None:
        """A picture `back_m` behind the present place."""
        body = self._body
        east, north = body.place_en
        course = math.radians(body.course_deg)
        place = np.array([[east - back_m * math.sin(course), north - back_m * math.cos(course)]])
        lon, lat = frame.lonlat_from_en(place)[0]
        self.photos += 1
        self._on_photo(
            Photo(
                index=self.photos,
                at_s=at_s,
                lon=float(lon),
                lat=float(lat),
                alt_home_m=body.alt_m,
                heading_deg=self.heading_deg,
                pitch_deg=self.pitch_deg,
                roll_deg=0.0,
            )
        )
