from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from geo.orientation import stored_from_upright, upright_from_stored, upright_size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_go_where_pillow_shows_them(orientation: int) -> None:
    stored = np.zeros((40, 60), np.uint8)
    stored[7, 13] = 255
    picture = Image.fromarray(stored)
    picture.getexif()[274] = orientation
    shown = np.asarray(ImageOps.exif_transpose(picture))
    row, column = np.argwhere(shown == 255)[0]
    assert upright_size((60, 40), orientation) == shown.shape[::-1]
    upright = upright_from_stored([[13.5, 7.5]], orientation, (60, 40))
    assert upright[0] == pytest.approx((column + 0.5, row + 0.5))
    assert stored_from_upright(upright, orientation, (60, 40))[0] == pytest.approx((13.5, 7.5))


def test_an_unknown_orientation_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 8"):
        stored_from_upright([[0, 0]], 9, (60, 40))
