"""`flyonce analyze` on transport streams that carry their poses as KLV: a recording, and one that is sent live."""

from __future__ import annotations

import math
import shutil
from fractions import Fraction

import av
import film_builders as staged
import numpy as np
import pytest

from tests.e2e.test_video_analysis import cases, off_m
from tests.geo.telemetry_builders import START_US, klv_packet
from tests.vision.servers import ffmpeg_server, free_port

GROUND_MSL_M = 100.0
# The aircraft flies askew; the camera's relative angles make up for it, so that it looks straight down, north up.
PLATFORM_DEG = (37.0, 4.0, -6.0)


def turn(heading_deg, pitch_deg, roll_deg):
    """Rz(heading) Ry(pitch) Rx(roll)."""
    (sz, cz), (sy, cy), (sx, cx) = (
        (math.sin(math.radians(angle)), math.cos(math.radians(angle))) for angle in (heading_deg, pitch_deg, roll_deg)
    )
    return (
        np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    )


def packet(time_s):
    """What the aircraft tells at that moment of the staged film."""
    relative = turn(*PLATFORM_DEG).T @ turn(0.0, -90.0, 0.0)
    azimuth, elevation, roll = (
        math.degrees(math.atan2(relative[1, 0], relative[0, 0])),
        -math.degrees(math.asin(relative[2, 0])),
        math.degrees(math.atan2(relative[2, 1], relative[2, 2])),
    )
    lon, lat = staged.lonlat(*staged.drone_at(time_s))
    heading, pitch, bank = PLATFORM_DEG
    across, down = (2 * math.degrees(math.atan(side / 2 / staged.FOCAL_PX)) for side in staged.SIZE)
    return klv_packet(
        START_US + round(time_s * 1e6),
        platform_heading_deg=heading,
        platform_pitch_deg=pitch,
        platform_roll_deg=bank,
        sensor_lon_deg=lon,
        sensor_lat_deg=lat,
        sensor_alt_msl_m=GROUND_MSL_M + staged.HEIGHT_M,
        hfov_deg=across,
        vfov_deg=down,
        relative_azimuth_deg=azimuth % 360,
        relative_elevation_deg=elevation,
        relative_roll_deg=roll % 360,
    )


def stage_stream(path, began_s, seconds):
    """The staged film from a moment on, as a transport stream with five KLV packets a second."""
    base = Fraction(1, 90_000)
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=staged.FPS, options={"preset": "ultrafast", "crf": "16", "g": "5"})
        film.width, film.height, film.pix_fmt = *staged.SIZE, "yuv420p"
        film.time_base = film.codec_context.time_base = base
        klv = container.add_data_stream("klv")
        packets = []
        for index in range(round(seconds * staged.FPS)):
            at = index * 90_000 // staged.FPS
            picture = av.VideoFrame.from_ndarray(staged.picture(began_s + index / staged.FPS), format="bgr24")
            picture.pts, picture.time_base = at, base
            packets += film.encode(picture)
            told = av.Packet(packet(began_s + index / staged.FPS))
            told.stream, told.time_base, told.pts, told.dts = klv, base, at, at
            packets.append(told)
        packets += film.encode()
        packets.sort(key=lambda one: one.dts * one.time_base)
        container.mux(packets)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("klv")
    film = staged.stage_film(folder / "film", seconds=1)
    shutil.copy(film.zones, folder / "zones.geojson")
    staged.write_model(folder / "models")
    stage_stream(folder / "film.ts", 0.0, 13.0)
    return folder


def arguments(folder, store):
    return (
        "--zones", folder / "zones.geojson", "--models", folder / "models", "--ground-alt-m", str(GROUND_MSL_M),
        "--store", f"sqlite:///{store}", "--json",
    )  # fmt: skip


def test_a_recording_is_located_by_the_poses_and_the_lens_that_it_carries(flyonce, folder, tmp_path):
    outcome = flyonce("analyze", folder / "film.ts", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 0, outcome.stderr
    result = outcome.result
    assert result["located_frames"] == result["frames"] >= 5
    assert result["sources"][0]["telemetry"] == {
        "file": str(folder / "film.ts"),
        "dialect": "misb_st_0601",
        "entries": 65,
        "used": 65,
        "dropped": {},
        "flags": [],
        "inside": True,
    }
    found = cases(tmp_path / "city.db")
    assert off_m(found["waterlogging.road", "standing_water"], staged.PUDDLE) < 1.0
    assert off_m(found["dumping.household", "waste"], staged.DUMP) < 1.0
    assert "film.ts with the KLV inside it (65 poses), camera fov_of_telemetry" in outcome.stderr
    assert "65 KLV packets inside: 65 poses come from them" in outcome.stderr


def test_telemetry_of_its_own_goes_before_what_travels_inside(flyonce, folder, tmp_path):
    told = tmp_path / "film.csv"
    rows = "".join(
        "{},{:.8f},{:.8f},40,home,0,-90,0\n".format(at / 5, *staged.lonlat(*staged.drone_at(at / 5)))
        for at in range(65)
    )
    told.write_text("time_s,lon,lat,alt_m,alt_datum,heading_deg,pitch_deg,roll_deg\n" + rows)
    outcome = flyonce(
        "analyze", folder / "film.ts", "--telemetry", told, "--camera", "generic-84dfov",
        "--models", folder / "models", "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.stderr
    assert outcome.result["sources"][0]["telemetry"]["dialect"] == "poses_csv"
    assert "65 KLV packets: not used, for it has telemetry of its own" in outcome.stderr


def test_a_live_stream_is_located_by_the_poses_that_come_with_it(flyonce, folder, tmp_path):
    # From the moment on where the drone hovers over everything.
    film = stage_stream(tmp_path / "live.ts", 7.0, 6.0)
    port = free_port()
    address = f"http://127.0.0.1:{port}/live"
    with ffmpeg_server(film, address, "mpegts", port=port) as server:
        server.start()
        outcome = flyonce("analyze", address, "--for", "12", *arguments(folder, tmp_path / "city.db"))
    assert outcome.code == 0, outcome.stderr
    result = outcome.result
    assert result["located_frames"] >= 1
    assert result["located_frames"] == result["frames"] - result["flags"].get("no_pose", 0)
    told = result["sources"][0]["telemetry"]
    assert told["used"] >= 10
    assert told["inside"]
    assert f"{result['stream_data']['klv']} KLV packets inside: {told['used']} poses come from them" in outcome.stderr
    assert result["sightings"] >= 1
