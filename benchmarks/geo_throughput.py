"""How many pixels a second are put on the ground, beside orthority on the same pixels, camera and model.

    python benchmarks/geo_throughput.py [--peer-python PYTHON] [--many 1000000] [--few 4000] [--json]

orthority (AGPL-3.0) runs as a process of its own: make an environment with `pip install orthority==0.7.0` and give its
python. Both sides use one thread and count processor seconds, the best of nine runs. The picture looks down at 60
degrees from 100 m over hills of 20 m, once with an ideal lens and once with a distorted one.

`metres` is what the peer gives: east, north and height. `places` is what flyonce gives on top of it: longitude and
latitude, the reason where there is no answer, the whole error and its part that the flight shares. The answers are
compared: level ground to a millimetre, the model to a cell (the peer takes the first sample below it). Peak memory is
that of a fresh process that places as many pixels over the model.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine

from geo.camera import Camera
from geo.dem import DemGround
from geo.ground import FlatGround, Ground
from geo.locate import locate_pixels, offsets_of_pixels
from geo.pose import Pose, enu_from_camera

Floats = NDArray[np.float64]
LON, LAT, HEIGHT_M, CELL_M, HALF = 120.15, 30.25, 100.0, 1.0, 500
# The best of so many runs, fewer where one takes long: other work on the machine slows single runs down by half.
REPEATS, LONG_S = 9, 0.5
# What must be reached.
BARS = {"flat": 3.0, "flat_brown": 3.0, "dem": 60.0, "dem_brown": 60.0}
CAMERA = Camera(
    name="benchmark", size_wh_px=(4000, 3000), focal_xy_px=(2800.0, 2800.0), principal_xy_px=(2000.0, 1500.0)
)
BROWN = replace(CAMERA, distortion=(-0.27, 0.11, 4e-4, -3e-4, -0.03))
POSE = Pose(
    at=None, lon=LON, lat=LAT, alt_m=HEIGHT_M, alt_datum="home", heading_deg=70.0, pitch_deg=-60.0, roll_deg=1.0
)
# The model lies in the camera's own local frame, in which the peer works, so that no conversion stands between them.
CRS = f"+proj=aeqd +lat_0={LAT} +lon_0={LON} +datum=WGS84 +units=m +no_defs"


def main() -> None:
    """Time both sides and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", type=Path, help="python of an environment with orthority")
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=4_000, help="pixels for the peer over the model")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        sys.stdout.write(json.dumps(_peak_mib(given.memory_of, given.many)) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = _measured(Path(folder), given.peer_python, given.many, given.few)
    sys.stdout.write((json.dumps(figures) if given.json else _in_words(figures)) + "\n")
    if not all(figures.get("met", {}).values()):
        sys.exit(1)


def _measured(folder: Path, peer_python: Path | None, many: int, few: int) -> dict[str, Any]:
    cv2.setNumThreads(1)
    model = folder / "model.tif"
    heights, transform = _write_model(model)
    dem = DemGround.open(model, home_lonlat=(LON, LAT))
    pixels = np.random.default_rng(0).uniform((0, 0), CAMERA.size_wh_px, (many, 2))
    ours: dict[str, Any] = {}
    answers: dict[str, Floats] = {}
    for name, camera, ground in _cases(dem):
        seconds, answers[name] = _timed(lambda c=camera, g=ground: offsets_of_pixels(pixels, POSE, c, g))
        placed_s, _ = _timed(lambda c=camera, g=ground: locate_pixels(pixels, POSE, c, g))
        ours[name] = {"metres_per_s": round(many / seconds), "places_per_s": round(many / placed_s)}
    figures: dict[str, Any] = {"pixels": many, "flyonce": ours, "peak_mib": _peak_in_own_process(model, many)}
    if peer_python is not None:
        camera_alt_m = dem.camera_height(POSE).alt_m
        figures |= _beside_peer(folder, peer_python, pixels, few, heights, transform, camera_alt_m, ours, answers)
    return figures


def _cases(dem: Ground) -> list[tuple[str, Camera, Ground]]:
    return [
        ("flat", CAMERA, FlatGround()),
        ("flat_brown", BROWN, FlatGround()),
        ("dem", CAMERA, dem),
        ("dem_brown", BROWN, dem),
    ]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    least = math.inf
    for _ in range(REPEATS):
        began = time.process_time()
        answer = work()
        least = min(least, time.process_time() - began)
        if least > LONG_S:
            break
    return least, answer


def _write_model(path: Path) -> tuple[Floats, Affine]:
    """Hills of 20 m on a slope, take-off at their height under the camera."""
    axis = (np.arange(2 * HALF) - HALF + 0.5) * CELL_M
    east, north = np.meshgrid(axis, -axis)
    heights = (20 * np.sin(east / 40) * np.cos(north / 50)).astype(np.float32)
    transform = Affine(CELL_M, 0, -HALF * CELL_M, 0, -CELL_M, HALF * CELL_M)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 2 * HALF, "height": 2 * HALF}
    with rasterio.open(path, "w", crs=CRS, transform=transform, **profile) as raster:
        raster.write(heights, 1)
    return heights, transform


def _beside_peer(
    folder: Path,
    python: Path,
    pixels: Floats,
    few: int,
    heights: Floats,
    transform: Affine,
    camera_alt_m: float,
    ours: dict[str, Any],
    answers: dict[str, Floats],
) -> dict[str, Any]:
    work, answer = folder / "work.npz", folder / "answer.npz"
    np.savez(
        work,
        size=CAMERA.size_wh_px,
        focal_px=CAMERA.focal_xy_px,
        distortion=BROWN.distortion,
        xyz=(0.0, 0.0, camera_alt_m),
        opk=_omega_phi_kappa(POSE),
        many=pixels,
        few=pixels[:few],
        model=heights,
        transform=tuple(transform)[:6],
    )
    subprocess.run([python, Path(__file__).with_name("geo_throughput_peer.py"), work, answer], check=True)
    told = np.load(answer)
    counts = {name: few if name.startswith("dem") else len(pixels) for name in answers}
    peer = {name: round(counts[name] / float(told[f"{name}_cpu_s"])) for name in answers}
    up = np.array([0.0, 0.0, camera_alt_m])
    apart = {
        name: round(float(np.nanmedian(np.linalg.norm(told[name] - up - found[: len(told[name])], axis=1))), 4)
        for name, found in answers.items()
    }
    ratio = {name: round(ours[name]["metres_per_s"] / peer[name], 1) for name in answers}
    placed = {name: round(ours[name]["places_per_s"] / peer[name], 1) for name in answers}
    return {
        "orthority_per_s": peer,
        "times_orthority": ratio,
        "times_orthority_with_errors": placed,
        "median_apart_m": apart,
        "met": {name: ratio[name] >= bar for name, bar in BARS.items()},
    }


def _omega_phi_kappa(pose: Pose) -> tuple[float, float, float]:
    """Photogrammetry's angles of the same look: camera axes x right, y up, z backwards."""
    r = enu_from_camera(*pose.look_deg()) @ np.diag([1.0, -1.0, -1.0])
    return math.atan2(-r[1, 2], r[2, 2]), math.asin(r[0, 2]), math.atan2(-r[0, 1], r[0, 0])


def _peak_in_own_process(model: Path, many: int) -> dict[str, float]:
    words = [sys.executable, __file__, "--memory-of", str(model), "--many", str(many)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _peak_mib(model: Path, many: int) -> dict[str, float]:
    """Peak memory of this process before the pixels are made, with them, and after they were placed."""
    dem = DemGround.open(model, home_lonlat=(LON, LAT))
    locate_pixels([[2000.0, 1500.0]], POSE, BROWN, dem)
    ready = _highest_mib()
    pixels = np.random.default_rng(0).uniform((0, 0), CAMERA.size_wh_px, (many, 2))
    given = _highest_mib()
    located = locate_pixels(pixels, POSE, BROWN, dem)
    held = (located.lonlat_deg, located.alt_m, located.covariance_m2, located.common_m2, located.reason)
    return {
        "ready": ready,
        "with_pixels": given,
        "placed": _highest_mib(),
        "answers": round(sum(column.nbytes for column in held) / 2**20, 1),
    }


def _highest_mib() -> float:
    # Of this process alone: what `getrusage` tells begins with the parent's memory.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024, 1)


def _in_words(figures: dict[str, Any]) -> str:
    lines = [f"{figures['pixels']:,} pixels; peak memory {figures['peak_mib']}"]
    for name, speed in figures["flyonce"].items():
        line = f"{name:11} metres {speed['metres_per_s']:>12,}/s   places with errors {speed['places_per_s']:>10,}/s"
        if "orthority_per_s" in figures:
            line += (
                f"   orthority {figures['orthority_per_s'][name]:>10,}/s: {figures['times_orthority'][name]} x, "
                f"with errors {figures['times_orthority_with_errors'][name]} x; "
                f"{figures['median_apart_m'][name]} m apart"
            )
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
