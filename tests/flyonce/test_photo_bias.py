"""A folder of photos is corrected by what overlapping ones say of their flight, and only where they say it clearly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flyonce.looks import Shot
from flyonce.photo_material import PhotoMaterial
from flyonce.picture_masks import Masks
from flyonce.rules_file import load_interpretation
from geo.ground import FlatGround
from geo.telemetry.photo import read_photo


def shots_of(photos: list[Path]) -> list[Shot]:
    ground = FlatGround()
    material = PhotoMaterial(photos, ground=ground, masks=Masks(None, load_interpretation(None), ground))
    return [picture.shot for picture in material.pictures()]


@pytest.fixture(scope="module")
def brighton(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "flights/brighton_beach_dji/images").iterdir())


def test_a_flight_that_tells_its_bias_is_corrected_and_says_so(brighton: list[Path]) -> None:
    shots = shots_of(brighton)
    assert len(shots) == 18
    assert all("flight_bias_corrected" in shot.flags for shot in shots)
    for path, shot in zip(brighton, shots, strict=True):
        told = read_photo(path).pose
        assert told is not None
        assert shot.pose is not None
        moved_m = np.hypot((shot.pose.lon - told.lon) * 76_000, (shot.pose.lat - told.lat) * 111_000)
        assert 0.5 < moved_m < 4.0


def test_two_photos_say_too_little_to_change_them(brighton: list[Path]) -> None:
    shots = shots_of(brighton[:2])
    assert all("flight_bias_corrected" not in shot.flags for shot in shots)
    assert shots[0].pose == read_photo(brighton[0]).pose
