"""The edge to ultralytics: its results' arrays are laid out here as 8.4 lays them out; one test runs the real thing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from onnx_graphs import frame, picture, red_box, write_model

from vision.engines import choosing
from vision.errors import ModelError
from vision.model_card import ModelCard
from vision.onnx_detector import load_detectors
from vision.onnx_model import joined
from vision.tiling import View, plan_views
from vision.ultralytics_detector import part_of


class OnDevice:
    """An array that must be brought to the CPU before numpy may have it, as a tensor on a graphics card."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def __array__(self, *args, **keywords):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def cpu(self):
        return self._values


def card(task="detect", classes=("boat", "waste"), **fields):
    return ModelCard(name="mine", task=task, classes=classes, input_px=(640, 640), sha256="0" * 64, **fields)


def result(rows=(), rings=None, classes=None):
    """As `Results` of a view: boxes (n, 4), confidence and class in columns; outlines as a list of rings."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return SimpleNamespace(
        boxes=SimpleNamespace(xyxy=OnDevice(table[:, :4]), conf=OnDevice(table[:, 4]), cls=OnDevice(table[:, 5])),
        masks=None if rings is None else SimpleNamespace(xy=[np.array(ring, np.float32) for ring in rings]),
        semantic_mask=None if classes is None else SimpleNamespace(data=OnDevice(classes)),
    )


PLAN = plan_views((1200, 640), (640, 640), scale=1.0)
RIGHT = PLAN.views[-1]


def test_boxes_of_a_view_come_back_in_pixels_of_the_picture_with_their_labels():
    found = part_of(result([[10, 20, 30, 60, 0.9, 1], [50, 50, 90, 80, 0.6, 0]]), card(), PLAN, RIGHT)
    assert found.labels == ("waste", "boat")
    assert found.confidence == pytest.approx([0.9, 0.6])
    assert found.boxes_xyxy_px[0].tolist() == [RIGHT.left + 10, 20, RIGHT.left + 30, 60]
    assert found.polygons_px == (None, None)


def test_answers_below_their_labels_threshold_are_left_out():
    doubtful = card(thresholds={"waste": 0.7})
    found = part_of(result([[0, 0, 9, 9, 0.6, 1], [0, 0, 9, 9, 0.6, 0]]), doubtful, PLAN, RIGHT)
    assert found.labels == ("boat",)


def test_boxes_beyond_the_view_are_cut_off_at_its_edge():
    found = part_of(result([[-5, -5, 30, 700, 0.9, 0]]), card(), PLAN, RIGHT)
    assert found.boxes_xyxy_px[0].tolist() == [RIGHT.left, 0, RIGHT.left + 30, 640]


def test_outlines_come_along_and_one_of_two_points_is_none():
    rings = [[[10, 10], [40, 10], [40, 50]], [[1, 1], [2, 2]]]
    found = part_of(result([[10, 10, 40, 50, 0.9, 0], [1, 1, 2, 2, 0.8, 0]], rings), card("segment"), PLAN, RIGHT)
    assert found.polygons_px[0][:, 0].tolist() == [RIGHT.left + 10, RIGHT.left + 40, RIGHT.left + 40]
    assert found.polygons_px[1] is None


def test_nothing_found_is_no_detections():
    assert len(part_of(result(), card(), PLAN, RIGHT)) == 0
    assert len(part_of(result(rings=[]), card("segment"), PLAN, RIGHT)) == 0


def test_class_maps_of_views_become_one_outline_without_a_seam():
    water = card("semantic", ("standing_water",))
    parts = []
    for view in PLAN.views:
        numbers = np.zeros(view.size_wh_px[::-1], np.uint8)
        numbers[200:400, max(0, 300 - view.left) : 900 - view.left] = 1
        parts.append(part_of(result(classes=numbers), water, PLAN, view))
    found = joined(water, PLAN, parts)
    assert found.labels == ("standing_water",)
    assert found.boxes_xyxy_px[0] == pytest.approx([300, 200, 900, 400], abs=6)


def test_of_several_classes_each_is_outlined_by_its_own_number():
    both = card("semantic", ("dry", "wet"))
    whole = plan_views((320, 320), (640, 640))
    numbers = np.zeros((320, 320), np.int32)
    numbers[:, 160:] = 1
    found = joined(
        both, whole, [part_of(result(classes=numbers), both, whole, View(left=0, top=0, right=320, bottom=320))]
    )
    assert found.labels == ("dry", "wet")
    assert found.boxes_xyxy_px[1] == pytest.approx([160, 0, 320, 320], abs=6)


def test_a_checkpoint_without_torch_is_refused_with_the_extra_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "installed_engines", lambda: {"torch": False})
    path = tmp_path / "best.pt"
    path.write_bytes(b"weights")
    for place in (path, tmp_path):
        with pytest.raises(
            ModelError, match=r"best\.pt: .*torch, which is not installed; pip install 'flyonce\[train\]'"
        ):
            load_detectors(place)


def test_a_checkpoint_is_run_by_no_other_engine(tmp_path):
    path = tmp_path / "best.pt"
    path.write_bytes(b"weights")
    with pytest.raises(ModelError, match="openvino does not run; export it, or choose auto"):
        load_detectors(path, engine="openvino")


def test_exported_models_go_before_checkpoints_beside_them(tmp_path):
    write_model(tmp_path / "m", red_box())
    (tmp_path / "last.pt").write_bytes(b"weights")
    assert load_detectors(tmp_path)(frame(picture(64, 64))).labels == ()
