from __future__ import annotations

import numpy as np

from vision.training.pseudo_water import IGNORED, SHORE_PX, lake_mask


def found_water() -> np.ndarray:
    found = np.zeros((200, 200), np.bool_)
    found[:, :80] = True  # the lake
    found[100:110, 120:130] = True  # a shadow amid the land
    found[0:10, 150:160] = True  # cut off by the edge: perhaps a bay
    return found


def test_the_large_surface_is_the_lake_and_a_small_one_inland_a_mistake() -> None:
    mask = lake_mask(found_water())
    assert mask[100, 20] == 1
    assert mask[105, 125] == 0
    assert mask[150, 150] == 0


def test_shores_and_small_surfaces_at_the_edge_are_in_doubt() -> None:
    mask = lake_mask(found_water())
    assert mask[5, 155] == IGNORED
    assert mask[100, 79] == mask[100, 80] == IGNORED
    assert mask[100, 80 + SHORE_PX] == 0


def test_land_without_water_is_all_dry() -> None:
    assert not lake_mask(np.zeros((50, 60), np.bool_)).any()
