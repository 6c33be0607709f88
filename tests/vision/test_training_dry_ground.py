from __future__ import annotations

import cv2
import numpy as np

from vision.training.dry_ground import add_dry_ground, dry_pictures


def a_set(folder):
    for part in ("images", "masks"):
        (folder / "water_windows" / part / "train").mkdir(parents=True)
    (folder / "water").mkdir()
    return folder


def a_flight(folder, count):
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        cv2.imwrite(str(folder / "images" / f"p{number:02}.jpg"), np.full((90, 120, 3), 10 * number, np.uint8))
    return folder / "images"


def test_only_the_first_part_of_the_flight_is_cut_and_its_masks_are_empty(tmp_path):
    windows = a_set(tmp_path / "set")
    added = add_dry_ground(windows, a_flight(tmp_path / "site", 10), 64, share=0.7)
    images = sorted((windows / "water_windows" / "images" / "train").iterdir())
    masks = sorted((windows / "water_windows" / "masks" / "train").iterdir())
    assert added == len(images) == len(masks) == 35
    assert {path.stem.split("_")[1] for path in images} == {f"p{number:02}" for number in range(7)}
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (64, 64) for path in masks)
    assert not any(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).any() for path in masks)


def test_the_card_learns_how_many_dry_pictures_trained(tmp_path):
    windows = a_set(tmp_path / "set")
    assert dry_pictures(windows / "water") == {}
    add_dry_ground(windows, a_flight(tmp_path / "site", 10), 64)
    assert dry_pictures(windows / "water") == {"train/site": 7}
