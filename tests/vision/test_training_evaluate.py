from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from onnx_graphs import RED_BGR, picture, red_box, redness_map, write_model

from vision.evaluation import MaskCounts
from vision.model_card import read_card
from vision.training.dataset import WATER, Sample, read_data_set
from vision.training.errors import BadDataSetError, ThresholdsNeedValError
from vision.training.evaluate import _choose_for_water, choose_thresholds, count_findings, evaluate_model
from vision.training.exam import WaterRow, examine, true_water
from vision.training.labels import LABELS, RelativeBox, write_labels
from vision.training.prepare import prepare_objects, prepare_water
from vision.training.scores import report
from vision.training.sources import synthetic_pictures

SIDE = 64


def composed(folder: Path, *, things: int, empty: int) -> Path:
    """Pictures with a red square that is both a boat and the water, and pictures of plain ground."""
    for kind in ("images", "labels", "masks"):
        (folder / kind).mkdir(parents=True)
    for i in range(things + empty):
        image, mask, boxes = picture(SIDE, SIDE), np.zeros((SIDE, SIDE), np.uint8), []
        if i < things:
            left = 8 + i % 16
            image[16:48, left : left + 32] = RED_BGR
            mask[16:48, left : left + 32] = 255
            boxes = [
                RelativeBox(label="boat", left=left / SIDE, top=0.25, right=(left + 32) / SIDE, bottom=0.75),
            ]
        image[0, 0] = (i, 0, 0)  # no two files are the same
        cv2.imwrite(str(folder / "images" / f"{i}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{i}.png"), mask)
        write_labels(folder / "labels" / f"{i}.txt", boxes, LABELS)
    return folder


def data_set(folder: Path, *, card: dict[str, object] | None = None, **counts: int) -> Path:
    """The same pictures as a data set that is not divided."""
    composed(folder, **counts)
    (folder / "data.yaml").write_text(yaml.safe_dump({"names": list(LABELS)}), encoding="utf-8")
    if card is not None:
        (folder / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return folder


BOATS_FROM_ABOVE = {"name": "bay", "labelled": ["boat"], "viewpoint": "nadir"}


def card_of(model_dir: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((model_dir / "card.yaml").read_text())
    return content


def figures_of(model_dir: Path) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((model_dir / "figures.yaml").read_text())
    return content


def test_a_detector_that_sees_everything_gets_full_marks_into_its_card(tmp_path: Path) -> None:
    prepare_objects(synthetic_pictures(composed(tmp_path / "data", things=40, empty=10)), tmp_path / "objects")
    model_dir = write_model(tmp_path / "m", red_box(confidence=0.7), note="kept")

    evaluate_model(model_dir, tmp_path / "objects")

    card = card_of(model_dir)
    test = card["metrics"]["test"]  # type: ignore[index]
    assert test["real"] is None
    boat = test["rendered"]["labels"]["boat"]
    assert (boat["ap50"], boat["precision"], boat["recall"]) == (1.0, 1.0, 1.0)
    assert test["rendered"]["by_size"]["medium"] == {"map50": 1.0, "ap50": {"boat": 1.0}}
    assert "small" not in test["rendered"]["by_size"]
    tables = figures_of(model_dir)["test"]["rendered"]  # type: ignore[index]
    assert tables["by_size"]["medium"]["labels"]["boat"]["truths"] == boat["truths"]
    assert card["note"] == "kept"
    assert read_card(model_dir).threshold("boat") == 0.7
    chosen = card["thresholds_chosen"]
    assert (chosen["part"], chosen["by"]["boat"]["chosen_by"]) == ("val", "real and rendered")  # type: ignore[index]


def test_findings_in_unlabelled_pictures_are_counted_into_the_card(tmp_path: Path) -> None:
    composed(tmp_path / "data", things=4, empty=1)
    model_dir = write_model(tmp_path / "m", red_box(confidence=0.7))
    counted = count_findings(model_dir, tmp_path / "data" / "images")
    assert counted == {"pictures": 5, "findings": {"boat": 4}, "pictures_with_findings": {"boat": 4}}
    assert card_of(model_dir)["unlabelled_flights"] == {"data": counted}


def test_a_water_model_that_sees_everything_gets_full_marks_into_its_card(tmp_path: Path) -> None:
    prepare_water(synthetic_pictures(composed(tmp_path / "data", things=30, empty=20)), tmp_path / "water")
    model_dir = write_model(tmp_path / "m", redness_map(stride=8), task="semantic", classes=["standing_water"])

    evaluate_model(model_dir, tmp_path / "water")

    scores = card_of(model_dir)["metrics"]["test"]["rendered"]  # type: ignore[index]
    assert scores["by_viewpoint"]["rendered"]["iou"] == scores["iou"]
    by_threshold = figures_of(model_dir)["test"]["rendered"]["by_threshold"]  # type: ignore[index]
    assert len(by_threshold) > 5
    assert scores["iou"] > 0.7
    assert scores["dry_pictures"] > 0
    assert (scores["dry_pictures_with_alarm"], scores["dry_share_found"]) == (0, 0.0)
    assert read_card(model_dir).threshold("standing_water") == pytest.approx(0.55, abs=0.3)


def test_a_water_model_that_sees_nothing_gets_none(tmp_path: Path) -> None:
    folder = composed(tmp_path / "data", things=30, empty=5)
    for path in (folder / "images").glob("*.png"):
        cv2.imwrite(str(path), picture(SIDE, SIDE))
    prepare_water(synthetic_pictures(folder), tmp_path / "water")
    model_dir = write_model(tmp_path / "m", redness_map(stride=8), task="semantic", classes=["standing_water"])
    scores = evaluate_model(model_dir, tmp_path / "water")["water"]
    assert scores["recall"] == 0.0
    assert scores["precision"] is None


def test_figures_of_photographs_and_of_rendered_pictures_are_never_one(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=6, empty=2, card=BOATS_FROM_ABOVE)
    rows = [{"name": f"{i}.png", "viewpoint": "rendered"} for i in range(4)]
    (place / "manifest.json").write_text(json.dumps(rows), encoding="utf-8")
    made = report(examine(read_data_set(place), write_model(tmp_path / "m", red_box())))
    assert (made["measured_on"], made["objects"]["pictures"], made["rendered"]["objects"]["pictures"]) == ("real", 4, 4)
    assert made["objects"]["labels"]["boat"]["truths"] == 2
    assert list(made["objects"]["by_viewpoint"]) == ["nadir"]


def test_what_nobody_looked_for_is_not_held_against_a_model(tmp_path: Path) -> None:
    model_dir = write_model(tmp_path / "m", red_box())
    place = data_set(tmp_path / "d", things=4, empty=0, card={**BOATS_FROM_ABOVE, "labelled": ["person", "boat"]})
    for path in (place / "labels").glob("*.txt"):
        path.write_text("")
    rows = [{"name": f"{i}.png", "labelled": ["person"]} for i in range(3)]
    (place / "manifest.json").write_text(json.dumps(rows), encoding="utf-8")
    boat = report(examine(read_data_set(place), model_dir))["objects"]["labels"]["boat"]
    assert (boat["pictures"], boat["false_alarms"]) == (1, 1)


def test_without_a_card_only_the_labels_that_occur_count_and_that_is_said(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=3, empty=1)
    data = read_data_set(place)
    assert {sample.labelled for sample in data.samples} == {frozenset({"boat", "standing_water"})}
    assert "no card" in data.notes[0]
    assert read_data_set(place, labelled=frozenset({"waste"})).samples[0].labelled == {"waste"}


def test_outlines_serve_as_water_where_there_is_no_mask(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=2, empty=1, card={"labelled": ["standing_water"], "viewpoint": "oblique"})
    for path in (place / "masks").iterdir():
        path.unlink()
    for i in range(2):
        sides = [(8 + i) / SIDE, 0.25, (40 + i) / SIDE, 0.25, (40 + i) / SIDE, 0.75, (8 + i) / SIDE, 0.75]
        (place / "labels" / f"{i}.txt").write_text("0 " + " ".join(f"{side:.6f}" for side in sides))
    model_dir = write_model(tmp_path / "m", redness_map(stride=1), task="semantic", classes=["standing_water"])
    water = report(examine(read_data_set(place), model_dir))["water"]
    assert water["iou"] > 0.85
    assert water["dry_pictures"] == 1


@pytest.mark.parametrize(("water", "judged"), [(1, False), (255, True)])
def test_pixels_that_nobody_judged_are_told_from_white_masks(water: int, judged: bool, tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=1, empty=0, card={"labelled": ["standing_water"]})
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:10], mask[10:20] = water, 255
    cv2.imwrite(str(place / "masks" / "0.png"), mask)
    data = read_data_set(place)
    true, looked_at = true_water(data, data.samples[0], (SIDE, SIDE))
    assert true[5, 5]
    assert bool(true[15, 5]) is bool(looked_at[15, 5]) is judged


def test_an_evaluation_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=5, empty=0, card=BOATS_FROM_ABOVE)
    model_dir, answers = write_model(tmp_path / "m", red_box()), tmp_path / "answers"
    first = report(examine(read_data_set(place), model_dir, answers=answers))
    file = next(answers.glob("answers-m-*.jsonl"))
    whole = file.read_text().splitlines()
    assert len(whole) == 5
    file.write_text("\n".join([*whole[:3], whole[3][:20]]) + "\n")  # stopped while the fourth was written
    assert report(examine(read_data_set(place), model_dir, answers=answers)) == first
    assert len(file.read_text().splitlines()) == 4 + 2


def test_another_model_is_not_answered_for_by_the_first(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=3, empty=0, card=BOATS_FROM_ABOVE)
    sure, blind = (
        write_model(tmp_path / "a" / "m", red_box()),
        write_model(tmp_path / "b" / "m", red_box(confidence=0.1)),
    )
    recalls = [
        report(examine(read_data_set(place), folder, answers=tmp_path / "answers"))["objects"]["labels"]["boat"][
            "recall"
        ]
        for folder in (sure, blind)
    ]
    assert recalls == [1.0, 0.0]


def test_thresholds_are_not_chosen_on_what_measures(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=3, empty=0, card=BOATS_FROM_ABOVE)
    data = read_data_set(place)
    with pytest.raises(ThresholdsNeedValError, match="on the part val alone, not on all"):
        choose_thresholds(data, examine(data, write_model(tmp_path / "m", red_box())))


@pytest.mark.parametrize(
    ("dry_found", "chosen"),
    [({0.4: 0, 0.5: 0, 0.6: 0}, 0.5), ({0.4: 0, 0.5: 50, 0.6: 50}, 0.4), ({0.4: 90, 0.5: 60, 0.6: 30}, 0.6)],
)
def test_water_is_believed_where_that_costs_little_and_dry_ground_stays_dry(
    dry_found: dict[float, int], chosen: float
) -> None:
    def row(source: str, found: dict[float, MaskCounts]) -> WaterRow:
        sample = Sample(
            path=Path(f"{source}.jpg"), part="val", source=source, viewpoint="nadir", labelled=frozenset({WATER}),
            labels_path=Path("a.txt"), mask_path=None, ignored_path=Path("b.txt"),
        )  # fmt: skip
        return WaterRow(sample=sample, counts={str(value): counts for value, counts in found.items()})

    wet = {0.4: 450, 0.5: 445, 0.6: 300}  # from 0.5 to 0.6 the outline gets much worse
    flood = row("flood", {v: MaskCounts(shared=n, found=n, true=500, total=1000) for v, n in wet.items()})
    street = row("street", {v: MaskCounts(shared=0, found=n, true=0, total=1000) for v, n in dry_found.items()})
    assert _choose_for_water([flood, street], candidates=(0.4, 0.5, 0.6)).value == chosen


def test_a_picture_that_cannot_be_used_is_named_and_the_others_count(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=4, empty=0, card=BOATS_FROM_ABOVE)
    (place / "images" / "1.png").write_bytes(b"no picture")
    (place / "labels" / "2.txt").write_text("4 0.5 0.5\n")
    exam = examine(read_data_set(place), write_model(tmp_path / "m", red_box()))
    assert len(exam.objects) == 2
    assert [("1.png" in p, "2.txt, line 1" in p) for p in exam.problems] == [(True, False), (False, True)]


def test_a_data_set_of_which_nothing_can_be_used_is_refused(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=1, empty=0, card=BOATS_FROM_ABOVE)
    (place / "images" / "0.png").write_bytes(b"no picture")
    with pytest.raises(BadDataSetError, match=r"none of its pictures could be used; the first: .*0\.png"):
        examine(read_data_set(place), write_model(tmp_path / "m", red_box()))


def test_regions_that_nobody_labelled_excuse_what_is_found_there(tmp_path: Path) -> None:
    place = data_set(tmp_path / "d", things=2, empty=0, card=BOATS_FROM_ABOVE)
    (place / "labels" / "1.txt").write_text("")
    (place / "ignored").mkdir()
    (place / "ignored" / "1.txt").write_text("0 0.5 0.5 1 1\n")
    made = report(examine(read_data_set(place), write_model(tmp_path / "m", red_box())))["objects"]
    assert made["labels"]["boat"]["false_alarms"] == 0
    assert made["confusion"] == {"labels": ["boat", "nothing"], "counts": [[1, 0], [0, 0]]}


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (lambda d: (d / "data.yaml").unlink(), "no data.yaml is there"),
        (lambda d: (d / "data.yaml").write_text("names: 3"), "lacks `names`"),
        (lambda d: (d / "data.yaml").write_text("names: [a]\ntest: gone/images"), "names gone/images"),
        (lambda d: (d / "card.yaml").write_text("viewpoint: moon"), "viewpoint 'moon'"),
        (lambda d: (d / "manifest.json").write_text("[1]"), "one object per picture"),
    ],
)
def test_what_is_no_data_set_is_refused_in_a_sentence(tmp_path: Path, breaking, message: str) -> None:
    place = data_set(tmp_path / "d", things=1, empty=0, card=BOATS_FROM_ABOVE)
    breaking(place)
    with pytest.raises(BadDataSetError, match=message):
        read_data_set(place)


def test_a_moved_data_set_is_read_where_it_is_not_where_it_was(tmp_path: Path) -> None:
    for name in ("old", "new"):
        prepare_objects(synthetic_pictures(composed(tmp_path / f"{name}_data", things=9, empty=0)), tmp_path / name)
    (tmp_path / "new" / "data.yaml").write_text((tmp_path / "old" / "data.yaml").read_text())
    assert all(tmp_path / "new" in sample.path.parents for sample in read_data_set(tmp_path / "new").samples)
