"""Builders with defaults for the tests of `geo`, and a projection that shares no line with it (OpenCV's)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from geo.camera import Camera
from geo.pose import Pose, PoseSigmas
from geo.position import Fix
from geo.sighting import Sighting

LON, LAT = 120.15, 30.25


def a_camera(**changes: Any) -> Camera:
    values: dict[str, Any] = {
        "name": "test",
        "size_wh_px": (4000, 3000),
        "focal_xy_px": (2800.0, 2800.0),
        "principal_xy_px": (2000.0, 1500.0),
        "focal_sigma_ratio": 0.005,
    }
    return Camera(**(values | changes))


def a_distorted_camera(**changes: Any) -> Camera:
    lens = {"distortion": (-0.27, 0.11, 4e-4, -3e-4, -0.03), "principal_xy_px": (2012.0, 1478.0)}
    return a_camera(**(lens | changes))


def a_pose(**changes: Any) -> Pose:
    values: dict[str, Any] = {
        "at": datetime(2026, 7, 1, 2, 3, 4, tzinfo=UTC),
        "lon": LON,
        "lat": LAT,
        "alt_m": 100.0,
        "alt_datum": "home",
        "heading_deg": 0.0,
        "pitch_deg": -90.0,
        "roll_deg": 0.0,
        "sigmas": PoseSigmas(),
    }
    return Pose(**(values | changes))


def a_fix(east_m: float = 0.0, north_m: float = 0.0, *, sigma_m: float = 1.5, **changes: Any) -> Fix:
    values: dict[str, Any] = {
        "lon": LON + east_m / (111_320 * math.cos(math.radians(LAT))),
        "lat": LAT + north_m / 110_850,
        "alt_m": 0.0,
        "covariance_m2": ((sigma_m**2, 0.0), (0.0, sigma_m**2)),
        "height_source": "test",
        "yaw_source": "gimbal",
    }
    return Fix(**(values | changes))


def a_sighting(east_m: float = 0.0, north_m: float = 0.0, *, sigma_m: float = 1.5, **changes: Any) -> Sighting:
    values: dict[str, Any] = {
        "label": "waste",
        "confidence": 0.8,
        "fix": a_fix(east_m, north_m, sigma_m=sigma_m),
        "source": "a.jpg",
        "seen_at": datetime(2026, 7, 1, 2, 3, 4, tzinfo=UTC),
    }
    return Sighting(**(values | changes))


def a_square(east_m: float, north_m: float, side_m: float) -> tuple[tuple[float, float], ...]:
    half = side_m / 2
    corners = ((-half, -half), (half, -half), (half, half), (-half, half))
    return tuple((f.lon, f.lat) for f in (a_fix(east_m + e, north_m + n) for e, n in corners))


def opencv_pixels(points_enu_m: np.ndarray, camera: Camera, heading: float, pitch: float, roll: float) -> np.ndarray:
    """Pixels (n, 2) of points (n, 3), east, north, up from the camera: axes built from angles, then OpenCV."""
    h, p, r = (math.radians(angle) for angle in (heading, pitch, roll))
    ahead = np.array([math.sin(h) * math.cos(p), math.cos(h) * math.cos(p), math.sin(p)])
    level_right = np.array([math.cos(h), -math.sin(h), 0.0])
    level_down = np.cross(ahead, level_right)
    right = math.cos(r) * level_right + math.sin(r) * level_down
    down = np.cross(ahead, right)
    rotation, _ = cv2.Rodrigues(np.stack((right, down, ahead)))
    (fx, fy), (cx, cy) = camera.focal_xy_px, camera.principal_xy_px
    matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    pixels, _ = cv2.projectPoints(
        np.asarray(points_enu_m, float).reshape(-1, 1, 3), rotation, np.zeros(3), matrix, np.array(camera.distortion)
    )
    return pixels.reshape(-1, 2)


DRONE_XMP = {
    "AbsoluteAltitude": "+148.20",
    "RelativeAltitude": "+100.00",
    "GpsLatitude": "+30.25000000",
    "GpsLongtitude": "+120.15000000",
    "GimbalRollDegree": "+0.00",
    "GimbalYawDegree": "+45.00",
    "GimbalPitchDegree": "-90.00",
    "FlightYawDegree": "+44.10",
    "CalibratedFocalLength": "2800.0",
    "CalibratedOpticalCenterX": "2000.0",
    "CalibratedOpticalCenterY": "1500.0",
}


@dataclass
class PhotoFile:
    """A drone's photo as a file: change what a test needs, set entries to None to leave them out."""

    size: tuple[int, int] = (400, 300)
    original_size: tuple[int, int] | None = (4000, 3000)
    make: str | None = "DJI"
    model: str | None = "TESTCAM"
    software: str | None = "v01.02.0300"
    orientation: int | None = 1
    taken: str | None = "2026:07:01 10:03:04"
    offset: str | None = "+08:00"
    gps: tuple[float, float] | None = (LON, LAT)
    gps_refs: tuple[str, str] | None = ("E", "N")
    gps_altitude_m: float | None = 148.2
    focal_35mm: int | None = 25
    xmp: dict[str, str | None] = field(default_factory=dict)
    xmp_as: str = "attributes"

    def write(self, path: Path) -> Path:
        picture = Image.fromarray(np.full((self.size[1], self.size[0], 3), 128, np.uint8))
        packet = self.packet()
        if path.suffix.lower() in (".tif", ".tiff"):
            info = self._exif(picture)
            # Pillow writes a TIFF's inner directories only where they stand as values.
            info[0x8769], info[0x8825] = dict(info.get_ifd(0x8769)), dict(info.get_ifd(0x8825))
            if packet is not None:
                info[700] = packet
            picture.save(path, format="TIFF", exif=info)
        elif packet is None:
            picture.save(path, format="JPEG", exif=self._exif(picture), quality=80)
        else:
            picture.save(path, format="JPEG", exif=self._exif(picture), xmp=packet, quality=80)
        return path

    def packet(self) -> bytes | None:
        entries = {name: value for name, value in (DRONE_XMP | self.xmp).items() if value is not None}
        if self.xmp_as == "none":
            return None
        head, body = "", ""
        if self.xmp_as == "attributes":
            head = " ".join(f'drone-dji:{name}="{value}"' for name, value in entries.items())
        else:
            body = "".join(f"<drone-dji:{name}>{value}</drone-dji:{name}>" for name, value in entries.items())
        return (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description rdf:about="" xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" {head}>{body}'
            "</rdf:Description></rdf:RDF></x:xmpmeta>"
        ).encode()

    def _exif(self, picture: Image.Image) -> Image.Exif:
        exif = picture.getexif()
        for tag, value in ((271, self.make), (272, self.model), (305, self.software), (274, self.orientation)):
            if value is not None:
                exif[tag] = value
        camera = exif.get_ifd(0x8769)
        if self.taken is not None:
            camera[0x9003] = self.taken
        if self.offset is not None:
            camera[0x9011] = self.offset
        if self.focal_35mm is not None:
            camera[0xA405] = self.focal_35mm
        if self.original_size is not None:
            camera[0xA002], camera[0xA003] = self.original_size
        if self.gps is not None:
            exif.get_ifd(0x8825).update(self._gps())
        return exif

    def _gps(self) -> dict[int, Any]:
        assert self.gps is not None
        gps: dict[int, Any] = {2: _dms(self.gps[1]), 4: _dms(self.gps[0])}
        if self.gps_refs is not None:
            gps[3], gps[1] = self.gps_refs
        if self.gps_altitude_m is not None:
            gps[6] = IFDRational(round(self.gps_altitude_m * 1000), 1000)
        return gps


def _dms(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    ten_thousandths = round(abs(degrees) * 3600 * 10_000)
    seconds = ten_thousandths % 600_000
    minutes = ten_thousandths // 600_000
    return IFDRational(minutes // 60), IFDRational(minutes % 60), IFDRational(seconds, 10_000)
