from __future__ import annotations

from pathlib import Path

import pytest

from vision.training.errors import BadLabelError
from vision.training.labels import LABELS, OBJECT_LABELS, RelativeBox, read_labels, write_labels


def label_file(folder: Path, text: str) -> Path:
    path = folder / "a.txt"
    path.write_text(text, encoding="utf-8")
    return path


def box(
    label: str = "waste", left: float = 0.25, top: float = 0.5, right: float = 0.75, bottom: float = 1.0
) -> RelativeBox:
    return RelativeBox(label=label, left=left, top=top, right=right, bottom=bottom)


def test_a_box_line_is_read_with_the_class_list_of_the_data(tmp_path: Path) -> None:
    (read,) = read_labels(label_file(tmp_path, "4 0.5 0.5 0.2 0.4\n"))
    assert read.label == "boat"
    assert (read.left, read.top, read.right, read.bottom) == pytest.approx((0.4, 0.3, 0.6, 0.7))


def test_a_polygon_line_becomes_its_bounding_box(tmp_path: Path) -> None:
    (read,) = read_labels(label_file(tmp_path, "0 0.1 0.2 0.5 0.1 0.3 0.9\n"))
    assert (read.left, read.top, read.right, read.bottom) == pytest.approx((0.1, 0.1, 0.5, 0.9))


def test_labels_come_back_as_written_in_another_class_order(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    write_labels(path, [box("vehicle"), box("dock_or_lift", right=0.5)], OBJECT_LABELS)
    assert path.read_text().split()[0] == str(OBJECT_LABELS.index("vehicle"))
    assert read_labels(path, OBJECT_LABELS) == (box("vehicle"), box("dock_or_lift", right=0.5))


def test_classes_a_model_does_not_have_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    write_labels(path, [box("standing_water")], OBJECT_LABELS)
    assert path.read_text() == ""


def test_a_missing_label_file_is_an_empty_picture(tmp_path: Path) -> None:
    assert read_labels(tmp_path / "none.txt") == ()


@pytest.mark.parametrize("line", ["1 0.5 0.5 0.2", "99 0.5 0.5 0.2 0.2", "x 0.5 0.5 0.2 0.2", "1 0.5 0.5 0 0.2"])
def test_a_broken_line_is_named_with_its_file_and_number(tmp_path: Path, line: str) -> None:
    path = label_file(tmp_path, f"1 0.5 0.5 0.2 0.2\n{line}\n")
    with pytest.raises(BadLabelError, match=r"a\.txt, line 2: "):
        read_labels(path)


def test_a_box_outside_its_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no span within"):
        box(right=1.2)


def test_object_classes_are_all_classes_but_water() -> None:
    assert set(OBJECT_LABELS) == set(LABELS) - {"standing_water"}
