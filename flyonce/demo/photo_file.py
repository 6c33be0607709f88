"""Writes a staged photo as a DJI drone writes it: a JPEG with EXIF and XMP, renamed to its name once complete."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from geo.whole_file import whole_file

_LOCAL_TIME = timezone(timedelta(hours=8))
_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
_SENSOR_DIAGONAL_MM = 15.86
_DESCRIPTION = "Rendered by flyonce demo: a staged picture, not a photograph"


@dataclass(frozen=True, kw_only=True)
class PhotoRecord:
    """What the drone writes into one photo.

    Attributes:
        taken_at: Aware time of exposure.
        lon: Reported longitude, degrees.
        lat: Reported latitude, degrees.
        alt_msl_m: Reported height above sea level.
        height_m: Reported height above take-off.
        heading_deg: Reported gimbal yaw, clockwise from true north.
        pitch_deg: Reported gimbal pitch, -90 straight down.
        roll_deg: Reported gimbal roll.
        focal_px: Calibrated focal length.
        size_wh_px: Width and height.
    """

    taken_at: datetime
    lon: float
    lat: float
    alt_msl_m: float
    height_m: float
    heading_deg: float
    pitch_deg: float
    roll_deg: float
    focal_px: float
    size_wh_px: tuple[int, int]

    def __post_init__(self) -> None:
        if self.taken_at.tzinfo is None:
            raise ValueError("a photo's time must say its offset from UTC")


def write_photo(path: Path, image_bgr: NDArray[np.uint8], record: PhotoRecord, quality: int = 92) -> None:
    """Write the JPEG, whole or not at all."""
    picture = Image.fromarray(image_bgr[..., ::-1])
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, exif=_exif(record), xmp=_xmp(record))
    with whole_file(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def _exif(record: PhotoRecord) -> Image.Exif:
    local = record.taken_at.astimezone(_LOCAL_TIME)
    stamp = local.strftime("%Y:%m:%d %H:%M:%S")
    diagonal_px = math.hypot(*record.size_wh_px)
    exif = Image.Exif()
    exif.update(
        {
            ExifTags.Base.ImageDescription: _DESCRIPTION,
            ExifTags.Base.Make: "DJI",
            ExifTags.Base.Model: "FC8400",
            ExifTags.Base.Orientation: 1,
            ExifTags.Base.Software: "10.01.00.05",
            ExifTags.Base.DateTime: stamp,
        }
    )
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: stamp,
            ExifTags.Base.DateTimeDigitized: stamp,
            ExifTags.Base.OffsetTime: "+08:00",
            ExifTags.Base.OffsetTimeOriginal: "+08:00",
            ExifTags.Base.SubsecTimeOriginal: f"{local.microsecond // 1000:03d}",
            ExifTags.Base.ExposureTime: 1 / 1000,
            ExifTags.Base.FNumber: 2.8,
            ExifTags.Base.ISOSpeedRatings: 100,
            ExifTags.Base.FocalLength: round(record.focal_px / diagonal_px * _SENSOR_DIAGONAL_MM, 2),
            ExifTags.Base.FocalLengthIn35mmFilm: round(record.focal_px / diagonal_px * _FULL_FRAME_DIAGONAL_MM),
            ExifTags.Base.ExifImageWidth: record.size_wh_px[0],
            ExifTags.Base.ExifImageHeight: record.size_wh_px[1],
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSVersionID: b"\x02\x03\x00\x00",
            ExifTags.GPS.GPSLatitudeRef: "N" if record.lat >= 0 else "S",
            ExifTags.GPS.GPSLatitude: _degrees_minutes_seconds(record.lat),
            ExifTags.GPS.GPSLongitudeRef: "E" if record.lon >= 0 else "W",
            ExifTags.GPS.GPSLongitude: _degrees_minutes_seconds(record.lon),
            ExifTags.GPS.GPSAltitudeRef: b"\x00" if record.alt_msl_m >= 0 else b"\x01",
            ExifTags.GPS.GPSAltitude: round(abs(record.alt_msl_m), 3),
        }
    )
    return exif


def _degrees_minutes_seconds(angle_deg: float) -> tuple[float, float, float]:
    # DJI writes seconds to four places: 3 mm.
    seconds = round(abs(angle_deg) * 3600, 4)
    return float(seconds // 3600), float(seconds % 3600 // 60), round(seconds % 60, 4)


def _xmp(record: PhotoRecord) -> bytes:
    heading = (record.heading_deg + 180) % 360 - 180
    width, height = record.size_wh_px
    tags = {
        "AltitudeType": "GpsFusionAlt",
        "GpsStatus": "Normal",
        "GpsLatitude": f"{record.lat:+.9f}",
        "GpsLongitude": f"{record.lon:+.9f}",
        "AbsoluteAltitude": f"{record.alt_msl_m:+.3f}",
        "RelativeAltitude": f"{record.height_m:+.3f}",
        "GimbalRollDegree": f"{record.roll_deg:+.2f}",
        "GimbalYawDegree": f"{heading:+.2f}",
        "GimbalPitchDegree": f"{record.pitch_deg:+.2f}",
        "FlightRollDegree": "+0.00",
        "FlightYawDegree": f"{heading:+.2f}",
        "FlightPitchDegree": "-4.00",
        "GimbalReverse": "0",
        "CalibratedFocalLength": f"{record.focal_px:.6f}",
        "CalibratedOpticalCenterX": f"{width / 2:.6f}",
        "CalibratedOpticalCenterY": f"{height / 2:.6f}",
    }
    attributes = "\n".join(f'   drone-dji:{name}="{value}"' for name, value in tags.items())
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="DJI Meta Data"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"
   tiff:Make="DJI"
   tiff:Model="FC8400"
{attributes}>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()
