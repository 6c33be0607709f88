"""One drone photo's telemetry: JPEG or TIFF with EXIF and XMP, as DJI drones write them.

Nothing is assumed: what the file does not tell is None, and a flag says so. Flags are short machine names, problems are
sentences for people.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from geo.camera import Camera
from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.pose import AltitudeDatum, Pose, PoseSigmas
from geo.telemetry.clock import taken_at
from geo.telemetry.exif import Exif, read_exif, xmp_packet
from geo.telemetry.lens import camera_of_photo
from geo.telemetry.xmp import Xmp, read_xmp

_FORMATS = ("JPEG", "TIFF", "PNG")  # JPEG includes MPO, which Pillow opens no other way
_RTK_FIXED = 50
# RTK's own figures leave out the antenna-to-camera arm and the timing, which are worth some centimetres.
_RTK_FLOOR_M = 0.05
_GPS_ALTITUDE_SIGMA_M = 10.0
_PLATFORM_HEADING_SIGMA_DEG = 5.0
# EXIF and XMP of one photo tell the same place to centimetres; more than this means that one of them is wrong.
_SAME_PLACE_M = 20.0

# "v01.23.4920", "10.00.10.05", "V1.2.3-rc", "DJI", "anafi-1.6.3": a number, perhaps after a word or two.
_FIRMWARE = re.compile(
    r"^(dji|autel|anafi|skydio|parrot)?[\s_-]*(fw|firmware)?[\s_-]*v?[\d._-]*(-?rc\d*)?$", re.IGNORECASE
)

PROBLEMS = {
    "no_gps": "no GPS position in the file: it cannot be located",
    "gps_zero": "the GPS position is 0, 0: the drone had no fix, so the photo cannot be located",
    "gps_invalid": "the GPS position is no place on the earth: the photo cannot be located",
    "gps_ref_missing": "the GPS position lacks N/S or E/W: the photo cannot be located",
    "gps_disagree": "EXIF and XMP tell places far apart; EXIF's was taken",
    "no_altitude": "the file tells no altitude: it cannot be located",
    "bearing_unknown": "the file has no gimbal angles: its pixels cannot be located, and no direction is assumed",
    "no_height_above_take_off": "the file tells no height above the take-off point",
    "heading_of_platform": "no gimbal yaw in the file: the drone's own heading was taken, with 5 degrees of error",
    "pitch_above_level": "the camera looked above the horizon",
    "software_not_firmware": "edited by other software than the drone's: it may be stored turned",
    "cropped": "the picture's shape differs from what the drone wrote: it was cut, so its pixels cannot be located",
    "turned_quarter": "the picture is stored turned by 90 degrees: its pixels cannot be located",
    "focal_unknown": "focal length unknown: neither calibration, camera table nor 35 mm equivalent",
    "focal_35mm_equivalent": "focal length only from the 35 mm equivalent, with 3 % of error",
    "time_zone_unknown": "the time has no zone: it is given as if it were UTC",
    "no_time": "the file tells no time",
    "xmp_unreadable": "the XMP packet is broken",
    "orientation_invalid": "the Orientation tag is not 1 to 8: it was ignored",
}


@dataclass(frozen=True, kw_only=True)
class PhotoTelemetry:
    """What one photo tells about itself.

    Attributes:
        pose: Where the camera was; None where position or altitude are unknown. Its heading and pitch are None where
            the file has no gimbal angles.
        camera: The lens for the stored raster's size; None where unknown.
        taken_at: Aware UTC, None where unknown; see the flag `time_zone_unknown`.
        size_wh_px: Width and height of the stored raster as decoded, before any EXIF rotation.
        orientation: EXIF Orientation, 1 to 8. Pixels of an upright picture come back by `geo.orientation`.
        height_above_home_m: Height above the take-off point.
        make: EXIF's maker.
        model: EXIF's model.
        software: EXIF's software.
        flags: Short machine names, in a fixed order.
        problems: The flags that matter as sentences.
    """

    pose: Pose | None
    camera: Camera | None
    taken_at: datetime | None
    size_wh_px: tuple[int, int]
    orientation: int
    height_above_home_m: float | None
    make: str | None
    model: str | None
    software: str | None
    flags: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def locatable(self) -> bool:
        """Whether pixels of this photo can be put on the ground."""
        return self.pose is not None and self.pose.has_bearing and self.camera is not None

    def turned_half(self) -> PhotoTelemetry:
        """The telemetry of the same photo, known to be stored turned by 180 degrees against its own angles."""
        return replace(
            self,
            pose=self.pose.turned_half() if self.pose else None,
            camera=self.camera.turned_half() if self.camera else None,
            flags=(*self.flags, "turned_half_corrected"),
            problems=(*self.problems, "stored upside-down against its own angles: turned back"),
        )


def read_photo(path: str | Path) -> PhotoTelemetry:
    """Telemetry of one JPEG or TIFF photo.

    Raises:
        InputFileError: The file is missing, empty, truncated or no JPEG or TIFF picture.
    """
    return photo_of(*open_photo(Path(path)))


def photo_of(size: tuple[int, int], exif: Exif, xmp: Xmp) -> PhotoTelemetry:
    """The telemetry of an opened photo: its size as decoded, and what its file tells."""
    orientation, orientation_flags = _orientation(exif)
    at, time_flags = taken_at(exif, xmp)
    camera, camera_flags = camera_of_photo(exif, xmp, size)
    pose, pose_flags = _pose(exif, xmp, at)
    software = exif.text("Software")
    edited = software is not None and not _FIRMWARE.match(software)
    flags = (
        *pose_flags,
        *camera_flags,
        *time_flags,
        *xmp.flags,
        *orientation_flags,
        *(("software_not_firmware",) if edited else ()),
    )
    return PhotoTelemetry(
        pose=pose,
        camera=camera,
        taken_at=at,
        size_wh_px=size,
        orientation=orientation,
        height_above_home_m=xmp.number("RelativeAltitude"),
        make=exif.text("Make"),
        model=exif.text("Model"),
        software=software,
        flags=flags,
        problems=tuple(PROBLEMS[flag] for flag in flags if flag in PROBLEMS),
    )


def open_photo(file: Path) -> tuple[tuple[int, int], Exif, Xmp]:
    """Width and height as decoded, EXIF and XMP of a picture that can be read to its end.

    Raises:
        InputFileError: The file is missing, empty, truncated or no JPEG or TIFF picture.
    """
    if not file.is_file():
        raise InputFileError(path=file, problem="no such file", remedy="Check the path")
    if file.stat().st_size == 0:
        raise InputFileError(path=file, problem="the file is empty", remedy="Copy it again from the drone's card")
    try:
        with warnings.catch_warnings():
            # Pillow warns about pictures over 89 megapixels and odd EXIF: neither is a reason to stop here.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_FORMATS) as image:
                size, exif, xmp = image.size, read_exif(image), read_xmp(xmp_packet(image))
                # The smallest decoding that still reads the file to its end.
                image.draft("L", (max(size[0] // 8, 1), max(size[1] // 8, 1)))
                image.load()
    except UnidentifiedImageError as error:
        raise InputFileError(
            path=file, problem="not a JPEG, TIFF or PNG picture", remedy="Give the photo as the drone wrote it"
        ) from error
    except PermissionError as error:
        raise InputFileError(path=file, problem="cannot be read", remedy="Check its permissions") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise InputFileError(
            path=file,
            problem=f"the picture is truncated or damaged ({error})",
            remedy="Copy it again from the drone's card",
        ) from error
    return size, exif, xmp


def _orientation(exif: Exif) -> tuple[int, tuple[str, ...]]:
    number = exif.number("Orientation")
    if number is None or number == 0:
        return 1, ()
    if number not in range(1, 9):
        return 1, ("orientation_invalid",)
    return int(number), () if number == 1 else ("orientation_tag",)


def _pose(exif: Exif, xmp: Xmp, at: datetime | None) -> tuple[Pose | None, tuple[str, ...]]:
    place, place_flags = place_of(exif, xmp)
    if place is None:
        return None, place_flags
    altitude, altitude_flags = altitude_of(exif, xmp)
    if altitude is None:
        return None, (*place_flags, *altitude_flags)
    heading, pitch, roll, source, angle_flags = angles_of(xmp)
    pose = Pose(
        at=at,
        lon=place[0],
        lat=place[1],
        alt_m=altitude.alt_m,
        alt_datum=altitude.datum,
        height_above_home_m=altitude.home_m,
        reported_alt_m=altitude.reported_m,
        heading_deg=heading,
        pitch_deg=pitch,
        roll_deg=roll,
        heading_source=source,
        sigmas=sigmas_of(xmp, altitude.datum, source),
    )
    return pose, (*place_flags, *altitude_flags, *angle_flags)


def place_of(exif: Exif, xmp: Xmp) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Longitude and latitude; None where unknown or no place on the earth; and flags."""
    lon, lat = xmp.number("GpsLongitude"), xmp.number("GpsLatitude")
    by_xmp, _ = _checked(lon, lat)
    by_exif, flags = _exif_place(exif)
    if by_exif is None:
        return (by_xmp, ()) if by_xmp is not None else (None, flags)
    if by_xmp is None:
        return by_exif, ()
    offset = LocalFrame(lon=by_exif[0], lat=by_exif[1]).en_from_lonlat([by_xmp])[0]
    if float((offset**2).sum()) ** 0.5 > _SAME_PLACE_M:
        return by_exif, ("gps_disagree",)
    return by_xmp, ()


def swapped_place_of(exif: Exif) -> tuple[float, float] | None:
    """Longitude and latitude of a photo that tells each in the other's place; None where nothing proves that.

    Its latitude lies beyond 90 degrees, or is east or west, and its longitude north or south.
    """
    second, first = _degrees(exif.numbers("GPSLongitude")), _degrees(exif.numbers("GPSLatitude"))
    if first is None or second is None or abs(second) > 90 or abs(first) > 180:
        return None
    across, along = ((exif.text(f"GPS{name}Ref") or "").upper()[:1] for name in ("Latitude", "Longitude"))
    crossed = across in ("E", "W") and along in ("N", "S")
    if not crossed and abs(first) <= 90:
        return None
    return abs(first) * (-1 if across in ("W", "S") else 1), abs(second) * (-1 if along in ("S", "W") else 1)


def _exif_place(exif: Exif) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    lon, lat = _degrees(exif.numbers("GPSLongitude")), _degrees(exif.numbers("GPSLatitude"))
    if lon is None or lat is None:
        return None, ("no_gps",)
    east_west = {"E": 1, "W": -1}.get((exif.text("GPSLongitudeRef") or "").upper()[:1])
    north_south = {"N": 1, "S": -1}.get((exif.text("GPSLatitudeRef") or "").upper()[:1])
    if lon == 0 and lat == 0:
        return None, ("gps_zero",)
    if east_west is None or north_south is None:
        return None, ("gps_ref_missing",)
    return _checked(abs(lon) * east_west, abs(lat) * north_south)


def _degrees(parts: tuple[float, ...]) -> float | None:
    if not parts:
        return None
    return math.fsum(part / 60.0**index for index, part in enumerate(parts[:3]))


def _checked(lon: float | None, lat: float | None) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    if lon is None or lat is None:
        return None, ("no_gps",)
    if lon == 0 and lat == 0:
        return None, ("gps_zero",)
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        return None, ("gps_invalid",)
    return (lon, lat), ()


@dataclass(frozen=True, kw_only=True)
class Altitude:
    """The altitude that is believed, and the others beside it; see `Pose`."""

    alt_m: float
    datum: AltitudeDatum
    home_m: float | None
    reported_m: float | None


def altitude_of(exif: Exif, xmp: Xmp) -> tuple[Altitude | None, tuple[str, ...]]:
    """The altitude and flags; RTK's own where it was fixed, else the height above take-off, else what is told."""
    home_m, absolute_m = xmp.number("RelativeAltitude"), xmp.number("AbsoluteAltitude")
    if absolute_m is None:
        absolute_m = exif.number("GPSAltitude")
        if absolute_m is not None and exif.number("GPSAltitudeRef") == 1:
            absolute_m = -absolute_m
    if xmp.number("RtkFlag") == _RTK_FIXED and absolute_m is not None:
        return Altitude(alt_m=absolute_m, datum="ellipsoid", home_m=home_m, reported_m=None), ("rtk_fixed",)
    if home_m is not None:
        return Altitude(alt_m=home_m, datum="home", home_m=home_m, reported_m=absolute_m), ()
    if absolute_m is not None:
        return Altitude(alt_m=absolute_m, datum="msl", home_m=None, reported_m=None), ("no_height_above_take_off",)
    return None, ("no_altitude",)


def angles_of(xmp: Xmp) -> tuple[float | None, float | None, float | None, str, tuple[str, ...]]:
    """Heading, pitch, roll, where the heading comes from, and flags; never a direction that is not told."""
    heading, pitch, roll = (xmp.number(f"Gimbal{name}Degree") for name in ("Yaw", "Pitch", "Roll"))
    if pitch is None:
        return None, None, None, "none", ("bearing_unknown",)
    flags: tuple[str, ...] = ()
    source = "gimbal"
    if heading is None:
        heading, source, flags = xmp.number("FlightYawDegree"), "platform", ("heading_of_platform",)
        if heading is None:
            return None, None, None, "none", ("bearing_unknown",)
    if pitch >= 0:
        flags = (*flags, "pitch_above_level")
    if roll is not None and abs(roll) > 90:
        # Straight down, yaw and roll turn about one axis, and some gimbals (H30T) split a heading into yaw and a roll
        # of 180: composed in full, as `enu_from_camera` does, they give the picture's true direction.
        flags = (*flags, "gimbal_roll_180")
    return heading, pitch, roll, source, flags


def sigmas_of(xmp: Xmp, datum: AltitudeDatum, heading_source: str) -> PoseSigmas:
    """One-sigma errors of a pose of that datum and heading."""
    sigmas = PoseSigmas()
    if heading_source == "platform":
        sigmas = replace(sigmas, heading_deg=_PLATFORM_HEADING_SIGMA_DEG)
    if datum == "msl":
        sigmas = replace(sigmas, height_m=_GPS_ALTITUDE_SIGMA_M)
    if datum != "ellipsoid":
        return sigmas
    east, north, up = (xmp.number(f"RtkStd{name}") for name in ("Lon", "Lat", "Hgt"))
    return replace(
        sigmas,
        east_m=max(east or _RTK_FLOOR_M, _RTK_FLOOR_M),
        north_m=max(north or _RTK_FLOOR_M, _RTK_FLOOR_M),
        height_m=max(up or 2 * _RTK_FLOOR_M, 2 * _RTK_FLOOR_M),
        common_position_m=_RTK_FLOOR_M,
    )
