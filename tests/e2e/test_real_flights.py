"""`flyonce analyze` on real flights: true counts, and nothing located that cannot be."""

from __future__ import annotations

import shutil


def test_brighton_is_analyzed_with_its_six_turned_photos_noticed(flyonce, shared_data, tmp_path):
    folder = shared_data / "flights" / "brighton_beach_dji"
    outcome = flyonce("analyze", folder, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json")
    assert outcome.code == 0, outcome.stderr
    result = outcome.result
    assert result["frames"] == 18
    assert result["located_frames"] == 18
    assert result["flags"]["turned_half_corrected"] == 6
    assert 5_000 < result["ground_area_m2"] < 200_000


def test_photos_without_gimbal_angles_are_detected_in_but_never_located(flyonce, shared_data, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted((shared_data / "flights" / "caliterra_gps" / "images").iterdir())[:5]:
        shutil.copy(photo, folder)
    outcome = flyonce("analyze", folder, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json")
    assert outcome.code == 0, outcome.stderr
    result = outcome.result
    assert result["frames"] == 5
    assert result["located_frames"] == 0
    assert result["sightings"] == 0
    assert result["cases"]["opened"] == 0
    assert result["flags"]["bearing_unknown"] == 5
    assert "bearing" in outcome.stderr


def test_flood_pictures_without_gps_are_detected_and_said_to_be_nowhere(flyonce, shared_data, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted((shared_data / "train" / "flood_area_kaggle" / "images").glob("*.jpg"))[:5]:
        shutil.copy(photo, folder)
    outcome = flyonce("analyze", folder, "--store", f"sqlite:///{tmp_path / 'city.db'}", "--json")
    assert outcome.code == 0, outcome.stderr
    result = outcome.result
    assert result["frames"] == 5
    assert result["detections"]["standing_water"] >= 3
    assert result["located_frames"] == 0
    assert result["cases"]["opened"] == 0
    assert result["flags"]["no_gps"] == 5
