"""What one record of a telemetry file tells about the camera, as far as it tells it; the rest is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from geo.pose import AltitudeDatum, PoseSigmas

_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One record: a cue, a row, a packet, a photo.

    Attributes:
        where: Its place in the file, for people: `line 7`, `cue 5`.
        time_s: Seconds on the file's own clock.
        at: Aware UTC; as if it were UTC where the file's zone is unknown.
        lon: Degrees east, WGS 84.
        lat: Degrees north.
        alt_m: The altitude that is to be believed, in `alt_datum`.
        alt_datum: `home`, `msl` or `ellipsoid`; None exactly where `alt_m` is.
        height_above_home_m: Height above the take-off point.
        reported_alt_m: An absolute altitude that is told, but not believed without a second proof.
        heading_deg: The camera's heading from true north.
        pitch_deg: The camera's pitch, -90 straight down.
        roll_deg: The camera's roll.
        heading_source: `gimbal`, `platform` or `none`.
        sigmas: One-sigma errors.
        zoom: Digital zoom, 1 for none.
        fov_wh_deg: Horizontal and vertical field of view.
        flags: What a reader should know about this record alone.
        extra: Other figures of interest to one family only, by name.
    """

    where: str
    time_s: float | None = None
    at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    alt_m: float | None = None
    alt_datum: AltitudeDatum | None = None
    height_above_home_m: float | None = None
    reported_alt_m: float | None = None
    heading_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    heading_source: str = "gimbal"
    sigmas: PoseSigmas = field(default_factory=PoseSigmas)
    zoom: float = 1.0
    fov_wh_deg: tuple[float | None, float | None] = (None, None)
    flags: tuple[str, ...] = ()
    extra: Mapping[str, float] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if (self.alt_m is None) != (self.alt_datum is None):
            raise ValueError("an altitude needs its datum, and a datum its altitude")

    @property
    def has_bearing(self) -> bool:
        """Whether heading and pitch are known."""
        return self.heading_deg is not None and self.pitch_deg is not None
