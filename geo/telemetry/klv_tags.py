"""MISB ST 0601 as a table: which tag holds what, in how many bytes, over which range.

Integers are mapped evenly onto a range. For signed ones the most negative value means "out of range or not known".
Only what a pose needs is here; every other tag is passed over and named by its number.
"""

from __future__ import annotations

from dataclasses import dataclass

KEY = bytes.fromhex("060e2b34020b01010e01030101000000")
"""The universal key of an ST 0601 local set."""
CHECKSUM, TIME_US = 1, 2


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A number in a local set.

    Attributes:
        name: What it is called here, with its unit.
        size: Bytes.
        low: What the smallest number means.
        high: What the largest number means.
        signed: Whether it counts from the middle; its most negative value is then no number.
    """

    name: str
    size: int
    low: float
    high: float
    signed: bool = False

    def value(self, data: bytes) -> float | None:
        """The figure of these bytes; None where they say "not known" or are of another length."""
        if len(data) != self.size:
            return None
        number = int.from_bytes(data, "big", signed=self.signed)
        if not self.signed:
            return self.low + number * (self.high - self.low) / ((1 << 8 * self.size) - 1)
        most = (1 << (8 * self.size - 1)) - 1
        return None if number < -most else number * self.high / most


def _signed(name: str, size: int, high: float) -> Tag:
    return Tag(name=name, size=size, low=-high, high=high, signed=True)


TAGS: dict[int, Tag] = {
    5: Tag(name="platform_heading_deg", size=2, low=0, high=360),
    6: _signed("platform_pitch_deg", 2, 20),
    7: _signed("platform_roll_deg", 2, 50),
    13: _signed("sensor_lat_deg", 4, 90),
    14: _signed("sensor_lon_deg", 4, 180),
    15: Tag(name="sensor_alt_msl_m", size=2, low=-900, high=19_000),
    16: Tag(name="hfov_deg", size=2, low=0, high=180),
    17: Tag(name="vfov_deg", size=2, low=0, high=180),
    18: Tag(name="relative_azimuth_deg", size=4, low=0, high=360),
    19: _signed("relative_elevation_deg", 4, 180),
    20: Tag(name="relative_roll_deg", size=4, low=0, high=360),
    21: Tag(name="slant_range_m", size=4, low=0, high=5_000_000),
    23: _signed("frame_centre_lat_deg", 4, 90),
    24: _signed("frame_centre_lon_deg", 4, 180),
    25: Tag(name="frame_centre_alt_msl_m", size=2, low=-900, high=19_000),
    75: Tag(name="sensor_alt_ellipsoid_m", size=2, low=-900, high=19_000),
    90: _signed("platform_pitch_full_deg", 4, 90),
    91: _signed("platform_roll_full_deg", 4, 90),
}
"""The tags that are read, by number."""

FULL_RANGE = {"platform_pitch_deg": "platform_pitch_full_deg", "platform_roll_deg": "platform_roll_full_deg"}
"""Angles that newer systems tell once more, over the full range and finer: taken where both are told."""
