"""Which ground a command works with: a DEM, a level one of given altitude, or the take-off point's level."""

from __future__ import annotations

from pathlib import Path

from geo.dem import DemGround
from geo.ground import FlatGround, Ground


def ground_of(*, ground_alt_m: float | None, dem: Path | None) -> Ground:
    """The ground for these options.

    Args:
        ground_alt_m: Altitude of level ground in the datum of the photo's altitude; see `FlatGround`.
        dem: GeoTIFF of ground heights.

    Raises:
        InputFileError: The DEM cannot be used.
    """
    if dem is not None:
        return DemGround.open(dem)
    if ground_alt_m is not None:
        return FlatGround(alt_m=ground_alt_m, datum="photo")
    return FlatGround()
