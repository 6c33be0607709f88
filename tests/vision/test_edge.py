"""What is cut off by a picture's edge: asked the same way wherever it matters."""

from __future__ import annotations

import numpy as np
import pytest

from vision.edge import is_cut

SIZE = (640, 360)


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize(("gap_px", "cut"), [(-3.0, True), (0.0, True), (3.9, True), (4.0, False), (30.0, False)])
def test_a_box_is_cut_where_one_of_its_sides_ends_at_the_edge(side, gap_px, cut):
    box = np.array([100.0, 100.0, 200.0, 200.0], np.float32)
    box[side] = gap_px if side < 2 else SIZE[side - 2] - gap_px
    assert is_cut(box, SIZE) is cut
    assert is_cut(tuple(box.tolist()), SIZE) is cut


def test_a_box_as_large_as_the_picture_is_cut():
    assert is_cut((0, 0, *SIZE), SIZE)
