"""A case worth a pack, and ways to spoil the pack."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dispatch_builders import HOME_LONLAT, NOON, a_jpeg, an_observation, default_rules, north_of, some_evidence

from dispatch_api.accounts.model import Actor, Role
from dispatch_api.cases.observation import Evidence
from dispatch_api.evidence.capture import CameraPose, Capture
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.evidence.pack.building import build_pack
from dispatch_api.evidence.pack.contents import PackCard
from dispatch_api.flights.desk import FlightDesk
from dispatch_api.flights.zones import ZoneDesk

WEIGHTS = "ab" * 32
FILM = "cd" * 32
FILMED, REDACTED = b"\0\0\0\x18ftypmp42 as filmed", b"\0\0\0\x18ftypmp42 nobody to be seen"
CENTRE = Actor(name="chief", role=Role.CENTRE)
CARD = PackCard(name="water", sha256=WEIGHTS, thresholds={"standing_water": 0.5}, text="name: water 水\n".encode())


def a_pose(**changes) -> CameraPose:
    lon, lat = HOME_LONLAT
    sigmas = {"sigma_east_m": 1.5, "sigma_north_m": 1.5, "sigma_height_m": 2.0}
    angles = {"heading_deg": 5.0, "pitch_deg": -90.0, "roll_deg": None}
    more = {"sigma_heading_deg": 1.5, "sigma_pitch_deg": 0.8}
    return CameraPose(
        **{"lon": lon, "lat": lat, "alt_m": 90.0, "alt_datum": "home", **angles, **sigmas, **more, **changes}
    )


def a_still() -> Capture:
    return Capture(kind="video", source_name="DJI_0009.MP4", source_sha256=FILM, frame=1234, media_time_s=41.133)


def a_look(confidence: float = 0.9) -> PictureLook:
    found = Finding(
        label="standing_water",
        confidence=confidence,
        box_xyxy_px=(10.0, 10.0, 50.0, 50.0),
        model="water",
        model_sha256=WEIGHTS,
        mine=True,
    )
    return PictureLook(size_wh_px=(640, 480), findings=(found,))


def a_clip(folder: Path, picture: Evidence) -> Evidence:
    """The film around what a picture shows; nobody decodes it here."""
    (folder / "clip.mp4").write_bytes(FILMED)
    (folder / "redacted.mp4").write_bytes(REDACTED)
    capture = Capture(kind="clip", source_name="DJI.MP4", source_sha256=FILM, media_time_s=36.1, duration_s=10.4)
    return replace(
        picture,
        original_path=folder / "clip.mp4",
        original_sha256=hashlib.sha256(FILMED).hexdigest(),
        boxes_xyxy_px=(),
        look=None,
        capture=capture,
        redacted_film=folder / "redacted.mp4",
    )


def a_case(store, intake, folder: Path, *, matter: str = "waterlogging.road") -> str:
    """A flown, recorded case with a photo and the still of a film; gives its number."""
    desk = FlightDesk(store)
    desk.start("flight-1", "一号 <航班>", planned_path_lonlat=[north_of(-200), north_of(200)], started_at=NOON)
    for second in range(3):
        desk.position("flight-1", NOON + timedelta(seconds=second), *north_of(second), 90.0, 5.0)
    desk.photo("flight-1", "DJI_0001.JPG", NOON, *HOME_LONLAT, None, True)
    ring = [list(north_of(y, east_m=x)) for x, y in ((-9, -99), (9, -99), (9, 99), (-9, 99), (-9, -99))]
    road = {"type": "Polygon", "coordinates": [ring]}
    properties = {"kind": "road", "code": "R1", "name": "人民路"}
    ZoneDesk(store).replace([{"type": "Feature", "geometry": road, "properties": properties}])
    photo = some_evidence(folder, name="DJI_0001.JPG", colour=(1, 20, 30))
    still = some_evidence(folder, name="still.jpg", colour=(2, 40, 50))
    capture = Capture(kind="photo", source_name="DJI_0001.JPG", source_sha256=photo.original_sha256, pose=a_pose())
    evidence = (
        replace(photo, look=a_look(0.9), capture=capture),
        replace(still, look=a_look(0.8), capture=a_still()),
    )
    # Another case before and after, so that the case's entries are not one run of the history.
    intake.record(an_observation(lonlat=north_of(900)))
    recorded = intake.record(an_observation(key="flight-1:1", matter=matter, evidence=evidence))
    intake.record(an_observation(lonlat=north_of(1800)))
    intake.record(an_observation(key="flight-1:2", matter=matter, evidence=evidence[:1]))
    return recorded.case_number


def a_pack(store, case: str, out: Path, **changes):
    return build_pack(store, case, out, **({"matters": default_rules()[0], "by": CENTRE, "cards": (CARD,)} | changes))


def rewritten(pack: Path, out: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    """The same pack, packed anew by somebody else, with other members."""
    with zipfile.ZipFile(pack) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(out, "w") as new:
        for name, content in change(members).items():
            new.writestr(name, content)
    return out


def another_picture() -> bytes:
    return a_jpeg((250, 0, 0))
