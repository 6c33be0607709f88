"""Builders of what dispatch_api takes, with defaults for everything a test does not care about."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from dispatch_api.cases.matters import Matters, load_matters
from dispatch_api.cases.observation import Evidence, Observation
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import Routing, load_routing

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, 12:00 in Shanghai
HOME_LONLAT = (118.87, 28.97)
_numbers = itertools.count(1)


def default_rules() -> tuple[Matters, Routing]:
    matters = load_matters()
    return matters, load_routing(matters=matters, departments=load_departments())


def north_of(metres: float, *, east_m: float = 0.0) -> tuple[float, float]:
    """Lon, lat of a point so many metres north (and east) of HOME_LONLAT."""
    lon, lat = HOME_LONLAT
    return lon + east_m / 97_470.0, lat + metres / 110_850.0


def an_observation(**changes) -> Observation:
    lon, lat = changes.pop("lonlat", HOME_LONLAT)
    sigma_m = changes.pop("sigma_m", 1.5)
    defaults = {
        "key": f"observation-{next(_numbers)}",
        "matter": "waterlogging.road",
        "label": "standing_water",
        "confidence": 0.9,
        "lon": lon,
        "lat": lat,
        "covariance_m2": ((sigma_m**2, 0.0), (0.0, sigma_m**2)),
        "first_seen_at": NOON,
        "last_seen_at": NOON,
        "flight_id": "flight-1",
        "frames": 3,
        "zones": (a_zone(kind="road", code="R1", name="人民路"),),
        "address": "人民路 12 号附近",
    }
    return Observation(**(defaults | changes))


def a_zone(**changes) -> ZoneFact:
    return ZoneFact(**({"kind": "grid", "code": "G01", "name": "一号网格", "probability": 1.0} | changes))


def a_jpeg(colour: tuple[int, int, int] = (90, 120, 60), size: tuple[int, int] = (640, 480)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


def some_evidence(
    folder: Path, *, name: str = "DJI_0001.JPG", colour: tuple[int, int, int] = (90, 120, 60)
) -> Evidence:
    original = a_jpeg(colour)
    path = folder / name
    path.write_bytes(original)
    return Evidence(
        original_path=path,
        original_sha256=hashlib.sha256(original).hexdigest(),
        captured_at=NOON,
        boxes_xyxy_px=((10.0, 10.0, 50.0, 50.0),),
        annotated_jpeg=a_jpeg((200, colour[1], colour[2])),
        redacted_jpeg=a_jpeg((10, colour[1], colour[2])),
    )
