"""A small made-up city for the console's tests: zones, a flight that is under way, and cases recorded by the intake."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from argon2 import PasswordHasher
from PIL import Image, ImageDraw

from dispatch_api.accounts.passwords import Passwords
from dispatch_api.accounts.service import create_account
from dispatch_api.app import create_app
from dispatch_api.cases.intake import Intake
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.observation import Evidence, Observation, Recorded
from dispatch_api.departments.facts import ZoneFact
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.flights.desk import FlightDesk
from dispatch_api.flights.zones import ZoneDesk
from dispatch_api.parts import DemoAccount
from dispatch_api.store import Store, open_store

LON, LAT = 118.8595, 28.9705
FLIGHT_ID = "flight-1"
BOX_XYXY_PX = (520.0, 330.0, 700.0, 450.0)
PASSWORD = "city-demo-password"
ACCOUNTS = (
    DemoAccount(
        name="operator", password=PASSWORD, role="operator", display_name_zh="演示飞手", display_name_en="Demo pilot"
    ),
    DemoAccount(
        name="centre", password=PASSWORD, role="centre", display_name_zh="演示指挥中心", display_name_en="Demo centre"
    ),
    DemoAccount(
        name="auditor", password=PASSWORD, role="auditor", display_name_zh="演示审计", display_name_en="Demo auditor"
    ),
    DemoAccount(
        name="admin", password=PASSWORD, role="admin", display_name_zh="演示管理员", display_name_en="Demo admin"
    ),
    DemoAccount(
        name="drainage", password=PASSWORD, role="leader", display_name_zh="市政排水", display_name_en="Drainage"
    ),
)
QUICK = Passwords(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Lon, lat of a point so many metres east and north of the city's middle."""
    return LON + east_m / 97_390.0, LAT + north_m / 110_850.0


def rectangle(west: float, south: float, east: float, north: float) -> list[list[float]]:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return [list(place(*corner)) for corner in corners]


def zone(kind: str, code: str, name: str, ring: list[list[float]], **more) -> dict:
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, "code": code, "name": name, **more}}


def zones() -> list[dict]:
    street = {"type": "LineString", "coordinates": [list(place(-300, -20)), list(place(300, 10))]}
    properties = {"kind": "street", "code": "S1", "name": "衢江路", "width_m": 12}
    return [
        zone("district", "330802", "柯城演示区", rectangle(-300, -200, 300, 200)),
        zone("grid", "330802001001", "第一网格", rectangle(-300, -200, 0, 200)),
        zone("grid", "330802001002", "第二网格", rectangle(0, -200, 300, 200)),
        zone("permanent_water", "W1", "石室水库", rectangle(120, 60, 240, 150)),
        zone("reservoir_protection_1", "R1", "石室水库一级保护区", rectangle(90, 30, 270, 180)),
        zone("no_fishing", "N1", "禁渔区", rectangle(120, 60, 240, 100)),
        {"type": "Feature", "geometry": street, "properties": properties},
    ]


def picture(seed: int, *, boxed: bool) -> bytes:
    """A JPEG that looks a little like ground seen from above; with the finding's box drawn, or without."""
    noise = np.random.default_rng(seed).normal(0, 9, (60, 80, 1)).repeat(3, axis=2)
    ground = np.clip(np.array([104, 118, 92]) + noise, 0, 255).astype(np.uint8)
    image = Image.fromarray(ground).resize((1200, 900), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 380, 1200, 520), fill=(120, 120, 122))
    draw.ellipse((540, 350, 690, 430), fill=(74, 92, 108))
    if boxed:
        draw.rectangle(BOX_XYXY_PX, outline=(220, 30, 40), width=5)
    out = BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class City:
    """The running city: what a test may do to it while a browser looks."""

    server: Server
    store: Store
    intake: Intake
    flights: FlightDesk
    folder: Path

    @property
    def url(self) -> str:
        return self.server.url

    def puddle(self, number: int, east_m: float, north_m: float, **changes) -> Recorded:
        """One more waterlogged spot on the street, with a picture."""
        grid = ("330802001001", "第一网格") if east_m < 0 else ("330802001002", "第二网格")
        seen_at = datetime.now(UTC) - timedelta(minutes=4)
        lon, lat = place(east_m, north_m)
        defaults = {
            "key": f"puddle-{number}",
            "matter": "waterlogging.road",
            "label": "standing_water",
            "confidence": 0.93,
            "lon": lon,
            "lat": lat,
            "covariance_m2": ((2.2, 0.5), (0.5, 1.1)),
            "footprint_lonlat": tuple(
                place(east_m + e, north_m + n) for e, n in ((-4, -2), (3, -3), (5, 2), (-1, 4), (-5, 1))
            ),
            "extent_m2": 31.0 if number % 2 else 6.0,
            "first_seen_at": seen_at,
            "last_seen_at": seen_at + timedelta(seconds=40),
            "flight_id": FLIGHT_ID,
            "frames": 3,
            "zones": (
                ZoneFact(kind="grid", code=grid[0], name=grid[1], probability=1.0),
                ZoneFact(kind="road", code="S1", name="衢江路", probability=1.0),
            ),
            "address": f"衢江路 {10 + number} 号附近",
            "evidence": (self.evidence(number),),
        }
        return self.intake.record(Observation(**(defaults | changes)))

    def angler(self, number: int, *, east_m: float = 150, north_m: float = 75) -> Recorded:
        """Somebody at the drinking-water reservoir: a red case that waits for a person."""
        fact = ZoneFact(kind="reservoir_protection_1", code="R1", name="石室水库一级保护区", probability=0.99)
        return self.puddle(
            number,
            east_m,
            north_m,
            key=f"angler-{number}",
            matter="fishing.reservoir",
            label="person",
            footprint_lonlat=None,
            extent_m2=None,
            zones=(fact, ZoneFact(kind="grid", code="330802001002", name="第二网格", probability=1.0)),
            address="石室水库东岸",
        )

    def heap(self, number: int, east_m: float, north_m: float) -> Recorded:
        """What a detector called waste, waiting for a person."""
        return self.puddle(
            number,
            east_m,
            north_m,
            key=f"heap-{number}",
            matter="dumping.household",
            label="waste",
            evidence=(self.evidence(number, label="waste"),),
            review_required=True,
        )

    def evidence(self, number: int, *, label: str = "standing_water") -> Evidence:
        thing = Finding(label=label, confidence=0.93, box_xyxy_px=BOX_XYXY_PX, mine=True)
        path = self.folder / f"DJI_{number:04d}.JPG"
        path.write_bytes(picture(number, boxed=False))
        return Evidence(
            original_path=path,
            original_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            captured_at=datetime.now(UTC) - timedelta(minutes=4),
            boxes_xyxy_px=(BOX_XYXY_PX,),
            annotated_jpeg=picture(number, boxed=True),
            redacted_jpeg=picture(number, boxed=False),
            look=PictureLook(size_wh_px=(1200, 900), ground_resolution_m=0.04, findings=(thing,)),
        )

    def fly(self) -> None:
        """A flight with planned path, some track and pictures; one of them could not be looked at."""
        rows = [place(east, north) for east in (-240, -120, 0, 120, 240) for north in ((-180, 180), (180, -180))[0]]
        self.flights.start(FLIGHT_ID, "柯城演示区例行巡查", rows)
        for step in range(30):
            lon, lat = place(-240, -180 + 12 * step)
            self.flights.position(FLIGHT_ID, datetime.now(UTC), lon, lat, 100.0, 0.0)
        for number, north in enumerate((-150, -60, 30, 120)):
            lon, lat = place(-240, north)
            corners = [place(-240 + e, north + n) for e, n in ((-70, -52), (70, -52), (70, 52), (-70, 52))]
            looked = number != 2
            name = f"DJI_{number:04d}.JPG"
            self.flights.photo(
                FLIGHT_ID, name, datetime.now(UTC), lon, lat, corners, looked, "" if looked else "too dark"
            )


@contextmanager
def a_city(folder: Path) -> Iterator[City]:
    """A city of seven cases behind a real server on a free port of this machine."""
    matters = load_matters()
    routing = load_routing(matters=matters, departments=load_departments())
    with open_store(f"sqlite:///{folder}/city.db", create=True) as store:
        for one in ACCOUNTS:
            department = one.name if one.role == "leader" else None
            names = {"display_name_zh": one.display_name_zh, "display_name_en": one.display_name_en}
            create_account(store, one.name, one.password, one.role, department, passwords=QUICK, **names)
        app = create_app(store, matters=matters, routing=routing, demo_accounts=ACCOUNTS, passwords=QUICK)
        server = Server(app)
        server.start()
        try:
            intake = Intake(store, matters, routing)
            city = City(server=server, store=store, intake=intake, flights=FlightDesk(store), folder=folder)
            ZoneDesk(store).replace(zones())
            city.fly()
            for number in range(1, 7):
                city.puddle(number, -250 + 80 * number, -18 + 4 * number)
            city.angler(7)
            yield city
        finally:
            server.stop()


class Server:
    """A real server on a thread; it can be stopped, and started again on the same port."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._port = 0
        self._stop: Callable[[], None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(self._app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        give_up_at = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the server ended before it had started"
            assert time.monotonic() < give_up_at, "the server did not start"
            time.sleep(0.02)

        def stop() -> None:
            server.should_exit = True
            thread.join(timeout=10)
            listener.close()

        self._stop = stop

    def stop(self) -> None:
        if self._stop is not None:
            self._stop()
        self._stop = None
