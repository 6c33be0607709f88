"""Builders with defaults for the tests of re-flights."""

from __future__ import annotations

import numpy as np

from flightplan.fleet.model import Dock, DroneModel, Fleet
from flightplan.projection import LocalFrame
from flightplan.reflight.model import Spread, Target

# Longitude first; a swap would lie beyond the pole.
GROUND = LocalFrame(lon=118.87, lat=28.94)
DRONE = DroneModel(name="m3d", camera="dji-m3d")


def lonlat(east_m, north_m):
    lon, lat = GROUND.lonlat_from_en(np.array([[east_m, north_m]]))[0]
    return float(lon), float(lat)


def en(lon, lat):
    return GROUND.en_from_lonlat(np.array([[lon, lat]]))[0]


def a_target(name="case 1", east_m=1_000.0, north_m=500.0, length_m=6.0, width_m=3.0, bearing_deg=40.0, **changes):
    lon, lat = lonlat(east_m, north_m)
    spread = Spread(half_length_m=length_m, half_width_m=width_m, bearing_deg=bearing_deg)
    return Target(**{"target_id": name, "lon": lon, "lat": lat, "spread": spread, **changes})


def a_dock(name="dock", east_m=0.0, north_m=0.0, drone=DRONE, **changes):
    lon, lat = lonlat(east_m, north_m)
    return Dock(**{"name": name, "lon": lon, "lat": lat, "drone": drone, **changes})


def a_fleet(*docks, **changes):
    return Fleet(docks=docks or (a_dock(),), **changes)


def scattered(count, side_m=6_000.0, seed=1, **changes):
    dice = np.random.default_rng(seed)
    return [
        a_target(f"case {number}", *dice.uniform(-side_m / 2, side_m / 2, 2).tolist(), **changes)
        for number in range(count)
    ]
