"""A small staged film over painted ground, its telemetry, zones and truth, and a real network that knows its colours.

The camera is OpenCV's projection of a plane, not `geo`'s, so that a mistake in `geo` shows as metres.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

LON, LAT = 118.87, 28.95
SIZE, HEIGHT_M, FPS = (480, 270), 40.0, 5
# The table's generic camera, 84 degrees over the diagonal of 4:3, filming the full width.
FOCAL_PX = 2500 / math.tan(math.radians(42)) * SIZE[0] / 4000
GROUND_BGR = (90, 110, 90)
COLOURS_BGR = {
    "waste": (20, 20, 235),
    "standing_water": (235, 20, 20),
    "person": (20, 235, 235),
    "graffiti": (235, 20, 235),
}
# Weights for red, green, blue, and the bias, of one logit per label.
_LOGITS = {
    "waste": (40, -40, -40, -6),
    "standing_water": (-40, -40, 40, -6),
    "person": (20, 20, -40, -18),
    "graffiti": (20, -40, 20, -18),
}


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A rectangle on the ground, metres east and north of the origin, that may move."""

    label: str
    east_m: float
    north_m: float
    width_m: float
    height_m: float
    speed_east_m_s: float = 0.0

    def corners(self, time_s: float) -> np.ndarray:
        east = self.east_m + self.speed_east_m_s * time_s
        dx, dy = self.width_m / 2, self.height_m / 2
        return np.array([(east - dx, self.north_m - dy), (east + dx, self.north_m - dy),
                         (east + dx, self.north_m + dy), (east - dx, self.north_m + dy)])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Film:
    """Where the film's files are."""

    folder: Path
    video: Path
    srt: Path
    zones: Path
    models: Path


LAKE = Painted(label="standing_water", east_m=34, north_m=21, width_m=52, height_m=38)
PUDDLE = Painted(label="standing_water", east_m=-6, north_m=-8, width_m=4, height_m=3)
DUMP = Painted(label="waste", east_m=-20, north_m=6, width_m=3, height_m=3)
DECEIT = Painted(label="waste", east_m=-14, north_m=-13, width_m=3, height_m=3)
ANGLER = Painted(label="person", east_m=4, north_m=8, width_m=2.4, height_m=2.4)
WALKER = Painted(label="person", east_m=8, north_m=-3, width_m=2.4, height_m=2.4, speed_east_m_s=1.5)
GRAFFITI = Painted(label="graffiti", east_m=-14, north_m=12, width_m=3, height_m=3)
SCENE = (LAKE, PUDDLE, DUMP, DECEIT, ANGLER, WALKER, GRAFFITI)


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    return LON + east_m / (111_320 * math.cos(math.radians(LAT))), LAT + north_m / 110_790


def metres(lon: float, lat: float) -> tuple[float, float]:
    return (lon - LON) * 111_320 * math.cos(math.radians(LAT)), (lat - LAT) * 110_790


def drone_at(time_s: float) -> tuple[float, float]:
    """East and north: flies in for six seconds, then hovers."""
    return min(-30 + 5 * time_s, 0.0), 0.0


def stage_film(folder: Path, *, seconds: float = 13.0) -> Film:
    """Write video, subtitles, zones and the model."""
    folder.mkdir(parents=True, exist_ok=True)
    film = Film(
        folder=folder,
        video=folder / "film.mp4",
        srt=folder / "film.SRT",
        zones=folder / "zones.geojson",
        models=write_model(folder / "models"),
    )
    frames = round(seconds * FPS)
    encode(film.video, [picture(index / FPS) for index in range(frames)])
    film.srt.write_text("".join(cue(index) for index in range(frames)), encoding="utf-8")
    film.zones.write_text(json.dumps({"type": "FeatureCollection", "features": zones()}), encoding="utf-8")
    return film


def encode(path: Path, pictures: list[np.ndarray], fps: int = FPS) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "16", "g": str(fps)})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for index, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def picture(time_s: float) -> np.ndarray:
    """What the camera sees, straight down, north up."""
    here = np.array(drone_at(time_s))
    image = np.full((SIZE[1], SIZE[0], 3), GROUND_BGR, np.uint8)
    rng = np.random.default_rng(7)
    for thing in SCENE:
        seen, _ = cv2.projectPoints(
            np.column_stack((thing.corners(time_s) - here, np.zeros(4))),
            np.array([math.pi, 0.0, 0.0]),
            np.array([0.0, 0.0, HEIGHT_M]),
            np.array([[FOCAL_PX, 0, SIZE[0] / 2], [0, FOCAL_PX, SIZE[1] / 2], [0, 0, 1]]),
            np.zeros(5),
        )
        cv2.fillConvexPoly(image, np.round(seen * 16).astype(np.int32), COLOURS_BGR[thing.label], shift=4)
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def cue(index: int, *, day: str = "2026-07-01") -> str:
    def stamp(seconds: float) -> str:
        milli = round(seconds * 1000)
        return f"00:{milli // 60000:02}:{milli // 1000 % 60:02},{milli % 1000:03}"

    lon, lat = lonlat(*drone_at(index / FPS))
    milli = round(index * 1000 / FPS)
    return (
        f"{index + 1}\n{stamp(index / FPS)} --> {stamp((index + 1) / FPS)}\n"
        f'<font size="28">FrameCnt: {index + 1}, DiffTime: {1000 // FPS}ms\n'
        f"{day} 10:00:{milli // 1000:02}.{milli % 1000:03}\n"
        f"[latitude: {lat:.7f}] [longitude: {lon:.7f}] [rel_alt: {HEIGHT_M:.3f} abs_alt: 140.000] "
        "[gb_yaw: 0.0 gb_pitch: -90.0 gb_roll: 0.0] </font>\n\n"
    )


def zones() -> list[dict[str, object]]:
    lake = LAKE.corners(0)
    around = np.array([(lake[:, 0].min(), lake[:, 1].min()), (lake[:, 0].max(), lake[:, 1].max())])
    (west, south), (east, north) = around + np.array([(-20, -20), (20, 20)])
    protected = np.array([(west, south), (east, south), (east, north), (west, north)])
    return [
        _feature("road", {"type": "LineString", "coordinates": [lonlat(-80, -8), lonlat(5, -8)]}, width_m=8),
        _feature("permanent_water", _polygon(lake)),
        _feature("reservoir_protection_1", _polygon(protected)),
        _feature("false_alarm_mask", _polygon(DECEIT.corners(0) * 1.0), labels="waste"),
        _feature("street", {"type": "LineString", "coordinates": [lonlat(-80, 12), lonlat(0, 12)]}, width_m=8),
    ]


def _polygon(corners_m: np.ndarray) -> dict[str, object]:
    ring = [lonlat(*corner) for corner in corners_m]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _feature(kind: str, geometry: dict[str, object], **more: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry, "properties": {"kind": kind, "code": kind, "name": kind, **more}}


def write_model(folder: Path, **card_keys: object) -> Path:
    """A semantic network whose classes are colours; the folder of models that holds it."""
    weights = np.array([row[:3] for row in _LOGITS.values()], np.float32).reshape(len(_LOGITS), 3, 1, 1)
    bias = np.array([row[3] for row in _LOGITS.values()], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "w", "b"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["fine"]),
            helper.make_node("AveragePool", ["fine"], ["output0"], kernel_shape=[4, 4], strides=[4, 4]),
        ],
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 288, 480))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, len(_LOGITS), 72, 120))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    home = folder / "colours"
    home.mkdir(parents=True)
    (home / "model.onnx").write_bytes(data)
    card = {
        "name": "colours",
        "task": "semantic",
        "classes": list(_LOGITS),
        "input_px": [480, 288],
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "AGPL-3.0-or-later",
    }
    (home / "card.yaml").write_text(yaml.safe_dump(card | card_keys), encoding="utf-8")
    return folder


def with_user_message(video: Path, out: Path) -> Path:
    """Copy an MP4 of H.264 and put a message before its first picture, as cameras do that write telemetry there."""
    payload = bytes(range(16)) + b"\xff" * 8
    unit = b"\x06\x05" + bytes([len(payload)]) + payload + b"\x80"
    with av.open(str(video)) as source, av.open(str(out), "w") as copy:
        film = source.streams.video[0]
        stream = copy.add_stream_from_template(film)
        for number, packet in enumerate(source.demux(film)):
            if packet.dts is None:
                continue
            message = b"" if number else len(unit).to_bytes(4, "big") + unit
            longer = av.Packet(message + bytes(packet))
            longer.time_base, longer.pts, longer.dts = packet.time_base, packet.pts, packet.dts
            longer.is_keyframe, longer.stream = packet.is_keyframe, stream
            copy.mux(longer)
    return out
