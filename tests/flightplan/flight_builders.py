"""Builders with defaults for the tests of `flightplan`, and a count of footprints that shares no line with it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from pymavlink.dialects.v20 import ardupilotmega as dialect
from shapely.geometry import LineString, Polygon

from flightplan.coverage.survey import CoveragePlan, plan_coverage
from flightplan.ground.area import PatrolArea
from flightplan.link.link import Link, Wire
from flightplan.link.transports import open_transport
from flightplan.mission.fence import Fence, RallyPoint
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import (
    Home,
    Mission,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.projection import LocalFrame
from geo.camera import camera_by_name

# Quzhou: a swap of latitude and longitude would lie beyond the pole, and half of one in the Arabian Sea.
LON, LAT = 118.8712345, 28.9398765
CAMERA = camera_by_name("generic-84dfov")
FRAME = LocalFrame(lon=LON, lat=LAT)


def lonlat(east_m, north_m):
    lon, lat = FRAME.lonlat_from_en(np.array([[east_m, north_m]]))[0]
    return float(lon), float(lat)


def an_area(polygon_en, name="grid 7"):
    return PatrolArea(name=name, polygon=shapely.transform(polygon_en, FRAME.lonlat_from_en))


def a_square(side_m=300.0):
    return an_area(shapely.box(50.0, 50.0, 50.0 + side_m, 50.0 + side_m))


def a_plan(area=None, altitude_m=100.0, frontlap=0.7, sidelap=0.6, home=(LON, LAT), **options):
    area = area or a_square()
    return plan_coverage(area, CAMERA, altitude_m, frontlap, sidelap, home_lonlat=home, **options)


def a_waypoint(east_m=100.0, north_m=200.0, alt_m=60.0, **changes):
    lon, lat = lonlat(east_m, north_m)
    return Waypoint(**{"lon": lon, "lat": lat, "alt_m": alt_m, **changes})


def the_items():
    return [
        TakeOff(alt_home_m=60.0),
        SetSpeed(speed_m_s=10.0),
        PointCamera(pitch_deg=-90.0),
        a_waypoint(100.0, 100.0),
        PhotosByDistance(distance_m=20.0),
        a_waypoint(100.0, 300.0),
        PhotosOff(),
        a_waypoint(160.0, 300.0),
        PhotosByDistance(distance_m=20.0),
        a_waypoint(160.0, 100.0),
        PhotosOff(),
        ReturnHome(),
    ]


def a_mission(items=None, home=None, limits=None, name="grid 7", **guards):
    return Mission(
        name=name,
        home=home or Home(lon=LON, lat=LAT, alt_msl_m=71.5),
        items=tuple(items or the_items()),
        limits=limits or FlightLimits(),
        **guards,
    )


def a_ring(west_m, south_m, east_m, north_m):
    corners = [(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m)]
    return tuple(tuple(round(angle, 7) for angle in lonlat(*corner)) for corner in corners)


def a_fence():
    """Round `the_items`, with a place in the middle that they keep away from."""
    return Fence(inside=(a_ring(-60, -60, 250, 400),), outside=(a_ring(120, 150, 140, 250),))


def a_rally_point(east_m=-20.0, north_m=-20.0, alt_m=40.0):
    lon, lat = lonlat(east_m, north_m)
    return RallyPoint(lon=round(lon, 7), lat=round(lat, 7), alt_home_m=alt_m)


def a_guarded_mission(items=None, **changes):
    return a_mission(items, **{"fence": a_fence(), "rally": (a_rally_point(),), **changes})


def write_geojson_file(path: Path, geometry, **top):
    path.write_text(json.dumps({"type": "Feature", "properties": {"name": "x"}, "geometry": geometry, **top}))
    return path


def ring(*points):
    return {"type": "Polygon", "coordinates": [[*map(list, points), list(points[0])]]}


@dataclass(frozen=True, kw_only=True)
class Seen:
    once: float
    five_times: float
    in_holes_m: float
    length_m: float


def what_is_seen(plan: CoveragePlan, polygon_en: Polygon, altitude_m: float, samples=15_000) -> Seen:
    """Counts footprints of the photos that the missions' own commands take, each as a turned rectangle."""
    across_m, along_m = CAMERA.footprint_wh_m(altitude_m)
    west, south, east, north = polygon_en.bounds
    cell_m = max(1.0, math.sqrt((east - west) * (north - south) / samples))
    x, y = np.meshgrid(np.arange(west + cell_m / 2, east, cell_m), np.arange(south + cell_m / 2, north, cell_m))
    inside = shapely.contains_xy(polygon_en, x, y)
    x, y = x[inside], y[inside]
    counts = np.zeros(len(x), dtype=int)
    in_holes_m = length_m = 0.0
    for mission in plan.missions:
        path = LineString(FRAME.en_from_lonlat(np.array(mission.path_lonlat())))
        length_m += path.length
        in_holes_m += sum(path.intersection(Polygon(hole)).length for hole in polygon_en.interiors)
        for place, heading in _photos(mission):
            ahead = (x - place[0]) * heading[0] + (y - place[1]) * heading[1]
            aside = (y - place[1]) * heading[0] - (x - place[0]) * heading[1]
            # A decimetre more: photos are rounded to whole centimetres and 1e-7 degrees.
            counts += (np.abs(ahead) <= along_m / 2 + 0.1) & (np.abs(aside) <= across_m / 2 + 0.1)
    return Seen(
        once=float((counts >= 1).mean()),
        five_times=float((counts >= 5).mean()),
        in_holes_m=in_holes_m,
        length_m=length_m,
    )


def _photos(mission):
    trigger_m, before = 0.0, None
    for item in mission.items:
        if isinstance(item, PhotosByDistance | PhotosOff):
            trigger_m = item.distance_m if isinstance(item, PhotosByDistance) else 0.0
        elif isinstance(item, Waypoint):
            here = FRAME.en_from_lonlat(np.array([[item.lon, item.lat]]))[0]
            if trigger_m:
                length_m = math.dist(before, here)
                heading = (here - before) / length_m
                for at_m in np.arange(0.0, length_m + 1e-6, trigger_m):
                    yield before + at_m * heading, heading
            before = here


class Meddler:
    """A transport that loses, alters or doubles packets on their way, by rules of the test.

    `up` (to the vehicle) and `down` get each packet's message name and bytes, and return the packets that go on.
    """

    def __init__(self, url, up=None, down=None):
        self._inner = open_transport(url)
        self._up = up or (lambda name, packet: [packet])
        self._down = down or (lambda name, packet: [packet])
        self._up_parser = dialect.MAVLink(None)
        self._down_parser = dialect.MAVLink(None)

    def read(self, timeout_s):
        return self._changed(self._down_parser, self._down, self._inner.read(timeout_s))

    def write(self, packet):
        self._inner.write(self._changed(self._up_parser, self._up, packet))

    def close(self):
        self._inner.close()

    @staticmethod
    def _changed(parser, rule, data):
        messages = (parser.parse_buffer(data) or []) if data else []
        return b"".join(kept for one in messages for kept in rule(one.get_type(), bytes(one.get_msgbuf())))


def meddled_link(vehicle, up=None, down=None):
    link = Link(Wire(Meddler(vehicle.address, up, down), url=vehicle.address))
    link.wait_for_vehicle(5.0)
    return link


def lose_first(name, times=1):
    """A rule that loses the first packets of that name."""
    left = {"times": times}

    def rule(packet_name, packet):
        if packet_name == name and left["times"] > 0:
            left["times"] -= 1
            return []
        return [packet]

    return rule
