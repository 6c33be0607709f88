from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from onnx_graphs import frame, picture

from vision.errors import InvalidValueError


def test_a_frame_tells_its_size_and_cannot_be_painted_on():
    image = picture(30, 20)
    one = frame(image, captured_at=datetime(2026, 7, 1, tzinfo=UTC), sha256="0" * 64)
    assert one.size_wh_px == (30, 20)
    with pytest.raises(ValueError, match="read-only"):
        one.image_bgr[0, 0] = 0
    image[0, 0] = 7  # the maker's own array stays usable


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"captured_at": datetime(2026, 7, 1)}, "aware UTC"),
        ({"captured_at": datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=8)))}, "aware UTC"),
        ({"index": -1}, "index"),
        ({"sha256": "ABC"}, "sha256"),
        ({"ground_resolution_m": 0.0}, "ground_resolution_m"),
        ({"ground_resolution_m": float("nan")}, "ground_resolution_m"),
        ({"exif_orientation": 0}, "exif_orientation"),
        ({"of_interest": np.zeros((2, 4), np.bool_)}, "of_interest"),
        ({"of_interest": np.ones(4, np.bool_)}, "of_interest"),
        ({"of_interest": np.ones((2, 4))}, "of_interest"),
    ],
)
def test_a_frame_that_contradicts_itself_cannot_exist(fields, says):
    with pytest.raises(InvalidValueError, match=says):
        frame(**fields)
