"""How DJI drones write telemetry into subtitles: every quirk is a row of a table here, none is a branch elsewhere.

Each generation writes other names, in another order. `FIELDS` says how each figure is recognised wherever it stands in
a cue; `GPS_ORDERS` says which of the two numbers of an unnamed `GPS(a,b,…)` comes first, by what else the cue holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

_NUMBER = r"([+-]?(?:\d+(?:\.\d*)?|\.\d+|nan|inf))"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One group of figures of a cue.

    Attributes:
        name: What it is called in reports.
        pattern: Finds it; group i is the figure `figures[i]`.
        hint: Lower-case letters that stand in every cue that the pattern fits: looked for first, which is much faster.
        figures: Names of the figures.
        scale: Each figure is multiplied by this.
    """

    name: str
    pattern: re.Pattern[str]
    hint: str
    figures: tuple[str, ...]
    scale: float = 1.0


def _field(name: str, hint: str, pattern: str, *figures: str, scale: float = 1.0) -> Field:
    text = pattern.replace("#", _NUMBER).replace(" ", r"\s*")
    return Field(name=name, hint=hint, pattern=re.compile(text, re.IGNORECASE), figures=figures, scale=scale)


# `#` stands for a number, a space for any white space. The first row that gives a figure wins.
FIELDS: tuple[Field, ...] = (
    _field("latitude", "latitude", r"\blatitude : #", "lat"),
    _field("longitude", "itude", r"\blongt?itude : #", "lon"),
    _field("rel_alt", "rel_alt", r"rel_alt : #", "home_m"),
    _field("abs_alt", "abs_alt", r"abs_alt : #", "absolute_m"),
    _field("altitude", "altitude", r"\baltitude : #", "altitude_m"),
    _field("gimbal", "gb_yaw", r"gb_yaw : # gb_pitch : # gb_roll : #", "yaw", "pitch", "roll"),
    _field("gb_yaw", "gb_yaw", r"\bgb_yaw : #", "yaw"),
    _field("gb_pitch", "gb_pitch", r"\bgb_pitch : #", "pitch"),
    _field("gb_roll", "gb_roll", r"\bgb_roll : #", "roll"),
    _field("G.PRY", "g.pry", r"G\.PRY \( #° , #° , #° \)", "pitch", "roll", "yaw"),
    _field("body", "drone_yaw", r"drone_yaw : # drone_pitch : # drone_roll : #", "body_yaw", "body_pitch", "body_roll"),
    _field("Drone", "drone", r"\[ Drone : Yaw : # , Pitch : # , Roll : # \]", "body_yaw", "body_pitch", "body_roll"),
    _field("F.PRY", "f.pry", r"F\.PRY \( #° , #° , #° \)", "body_pitch", "body_roll", "body_yaw"),
    _field("GPS", "gps", r"GPS \( # , # (?:, [^)]*)?\)", "gps_1", "gps_2"),
    # A Phantom 4 RTK calls it so while it has a fix.
    _field("RTK", "rtk", r"\bRTK \( # , # (?:, [^)]*)?\)", "gps_1", "gps_2"),
    # Autel names the hemispheres.
    _field("GPS E", "e:", r"GPS \( (?:[NS] : [^,]*, )?E : #", "lon"),
    _field("GPS W", "w:", r"GPS \( (?:[NS] : [^,]*, )?W : #", "lon", scale=-1),
    _field("GPS N", "n:", r"GPS \( (?:[EW] : [^,]*, )?N : #", "lat"),
    _field("GPS S", "s:", r"GPS \( (?:[EW] : [^,]*, )?S : #", "lat", scale=-1),
    _field("H", ", h ", r"\bH #m\b", "home_m"),
    _field("BAROMETER", "barometer", r"BAROMETER [:(] #", "home_m"),
    _field("Hb", "hb", r"\bHb : #", "home_m"),
    _field("dzoom", "dzoom", r"dzoom : #", "zoom"),
    _field("dzoom_ratio x10000", "delta", r"dzoom_ratio : # , delta", "zoom", scale=1e-4),
    _field("dzoom_ratio", "dzoom_ratio", r"dzoom_ratio : #", "zoom"),
    _field("exposure", "iso", r"\biso :? \d+"),
)

Order = Literal["lon_lat", "lat_lon"]


@dataclass(frozen=True, kw_only=True)
class GpsOrder:
    """Which number of `GPS(a,b,…)` comes first, where the cue also matches `sign`."""

    dialect: str
    sign: re.Pattern[str]
    order: Order


GPS_ORDERS: tuple[GpsOrder, ...] = (
    GpsOrder(dialect="gps_barometer_metres", sign=re.compile(r"BAROMETER:\s*-?[\d.]+M"), order="lat_lon"),
    GpsOrder(dialect="gps_barometer_brackets", sign=re.compile(r"BAROMETER\("), order="lat_lon"),
    GpsOrder(dialect="gps_pry", sign=re.compile(r"G\.PRY"), order="lon_lat"),
    GpsOrder(dialect="gps_distance_height", sign=re.compile(r"\bD\s+[\d.]+m,\s*H\s"), order="lon_lat"),
    GpsOrder(dialect="gps_barometer", sign=re.compile(r"BAROMETER:"), order="lon_lat"),
    GpsOrder(dialect="gps_hb", sign=re.compile(r"\bHb:"), order="lon_lat"),
)
RADIANS_BOX = (math.pi, math.pi / 2)
"""Longitudes and latitudes up to these (degrees) hold nothing but sea: a whole flight there was written in radians."""
NAMED_DIALECT = "named"
"""Latitude and longitude stand under their names."""

CUE_TIMES = re.compile(r"\b(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d{1,3}):(\d\d):(\d\d)[,.](\d{1,3})")
CLOCK = re.compile(
    r"\b(20\d\d)[.:/-](\d{1,2})[.:/-](\d{1,2})[ T]+(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,3}))?(?:,(\d{1,3}))?"
)
