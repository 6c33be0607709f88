"""The flight over Brighton's beach in the shared data, six of whose photos are stored upside-down.

For the tests and for `benchmarks/geo_accuracy.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from geo.flight_bias import FlightBias, estimate_flight_bias
from geo.frames import LocalFrame
from geo.ground import FlatGround
from geo.locate import locate_pixels
from geo.telemetry.flight_check import FlightCheck, check_flight
from geo.telemetry.photo import PhotoTelemetry, read_photo
from geo.telemetry.tie_points import TiePoints


def brighton(shared_data: Path) -> list[tuple[Path, PhotoTelemetry]]:
    folder = shared_data / "flights/brighton_beach_dji/images"
    return [(path, read_photo(path)) for path in sorted(folder.iterdir())]


def tie_distances_m(shared_data: Path, photos: dict[str, PhotoTelemetry]) -> np.ndarray:
    """Metres between the places of each given tie point in its two photos."""
    apart = []
    for pair in json.loads((shared_data / "flights/brighton_beach_dji/tie_points.json").read_text()):
        points, places = np.array(pair["points"]), []
        for name, uv in ((pair["a"], points[:, :2]), (pair["b"], points[:, 2:])):
            told = photos[name]
            assert told.pose is not None
            assert told.camera is not None
            places.append(locate_pixels(uv, told.pose, told.camera, FlatGround()).lonlat_deg)
        frame = LocalFrame(lon=places[0][0, 0], lat=places[0][0, 1])
        apart.append(np.hypot(*(frame.en_from_lonlat(places[0]) - frame.en_from_lonlat(places[1])).T))
    return np.concatenate(apart)


def turned_and_mended(
    photos: list[tuple[Path, PhotoTelemetry]],
) -> tuple[FlightCheck, FlightBias, dict[str, PhotoTelemetry], dict[str, PhotoTelemetry]]:
    """What the flight says of itself, and its photos by name: turned back, and with its bias taken off as well."""
    spots: list[TiePoints] = []
    check = check_flight(photos, on_tie_points=spots.extend)
    pictures = [None if told.pose is None or told.camera is None else (told.pose, told.camera) for told in check.photos]
    bias = estimate_flight_bias(pictures, spots, FlatGround())
    turned = {path.name: told for (path, _), told in zip(photos, check.photos, strict=True)}
    mended = {
        name: told if told.pose is None else replace(told, pose=bias.corrected(told.pose))
        for name, told in turned.items()
    }
    return check, bias, turned, mended
