from __future__ import annotations

import numpy as np
import pytest

from vision.detections import Detections
from vision.errors import InvalidValueError
from vision.evaluation import TrueBoxes, best_threshold, mask_counts, score_label, score_masks
from vision.matching import IOU_STEPS, average_precision, average_precisions, matched

HERE, THERE, NOWHERE = (0, 0, 10, 10), (100, 100, 120, 120), (300, 300, 310, 310)


def found(*rows: tuple[tuple[float, ...], float], label: str = "waste") -> Detections:
    return Detections(
        boxes_xyxy_px=np.array([box for box, _ in rows], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, confidence in rows], np.float32),
        labels=(label,) * len(rows),
    )


def truth(*boxes: tuple[float, ...], label: str = "waste") -> TrueBoxes:
    return TrueBoxes(boxes_xyxy_px=np.array(boxes, np.float32).reshape(-1, 4), labels=(label,) * len(boxes))


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def sure(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_of_two_boxes_on_one_thing_only_the_most_confident_is_right() -> None:
    answers = matched(boxes(HERE, HERE, THERE), sure(0.5, 0.9, 0.4), boxes(HERE, THERE))
    assert answers.right[:, 0].tolist() == [False, True, True]
    assert answers.truths == 2


def test_a_box_that_overlaps_too_little_is_wrong() -> None:
    assert not matched(boxes((6, 0, 16, 10)), sure(0.9), boxes(HERE)).right.any()


def test_a_stricter_overlap_makes_a_loose_box_wrong() -> None:
    answers = matched(boxes((0, 0, 10, 7)), sure(0.9), boxes(HERE), least_ious=IOU_STEPS)
    assert answers.right[0].tolist() == [True] * 5 + [False] * 5  # the overlap is 0.7
    assert average_precisions(answers).mean() == pytest.approx(0.5)


def test_what_lies_in_a_part_that_nobody_labelled_is_neither_right_nor_wrong() -> None:
    answers = matched(boxes(THERE, HERE), sure(0.9, 0.8), boxes(HERE), regions_xyxy=boxes((90, 90, 200, 200)))
    assert answers.ignored[:, 0].tolist() == [True, False]
    assert average_precisions(answers).tolist() == [1.0]


def test_a_hit_on_a_thing_that_does_not_count_is_neither_right_nor_wrong() -> None:
    answers = matched(boxes(HERE, THERE), sure(0.9, 0.8), boxes(HERE, THERE), true_counts=np.array([False, True]))
    assert (answers.right[:, 0].tolist(), answers.ignored[:, 0].tolist()) == ([False, True], [True, False])
    assert answers.truths == 1


def test_average_precision_of_a_perfect_answer_is_one_and_of_none_zero() -> None:
    assert average_precision(np.array([True, True]), np.array([0.9, 0.8], np.float32), 2) == 1.0
    assert average_precision(np.empty(0, np.bool_), np.empty(0, np.float32), 2) == 0.0


def test_average_precision_of_a_hand_made_curve() -> None:
    # right, wrong, right of three truths: precision 1 at the recalls 0 to 0.33, 2/3 at 0.34 to 0.66, 0 beyond
    right, confidence = np.array([True, False, True]), np.array([0.9, 0.8, 0.7], np.float32)
    assert average_precision(right, confidence, 3) == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_average_precision_of_a_late_hit_is_its_precision_at_every_recall() -> None:
    right, confidence = np.array([False, False, False, True]), np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    assert average_precision(right, confidence, 1) == pytest.approx(0.25)


def test_average_precision_without_a_true_thing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="at least one true thing"):
        average_precision(np.array([False]), np.array([0.9], np.float32), 0)


def test_precision_and_recall_count_only_what_reaches_the_threshold() -> None:
    pairs = [(found((HERE, 0.9), (THERE, 0.3), (NOWHERE, 0.6)), truth(HERE, THERE))]
    score = score_label(pairs, "waste", 0.5)
    assert (score.truths, score.precision, score.recall, score.false_alarms) == (2, 0.5, 0.5, 1)


def test_another_label_in_the_same_place_is_no_hit() -> None:
    score = score_label([(found((HERE, 0.9), label="boat"), truth(HERE))], "waste", 0.5)
    assert (score.precision, score.recall, score.ap50) == (None, 0.0, 0.0)


def test_a_hit_in_another_picture_does_not_count() -> None:
    score = score_label([(found((HERE, 0.9)), truth()), (found(), truth(HERE))], "waste", 0.5)
    assert (score.precision, score.recall) == (0.0, 0.0)


def test_the_threshold_chosen_is_the_one_that_drops_the_false_alarms() -> None:
    pairs = [(found((HERE, 0.8), (NOWHERE, 0.4), (THERE, 0.7)), truth(HERE, THERE))]
    assert best_threshold(pairs, "waste", (0.1, 0.3, 0.5, 0.75)) == 0.5
    assert best_threshold(pairs, "boat", (0.1, 0.3)) is None


def test_a_cautious_choice_prefers_fewer_false_alarms_to_fewer_misses() -> None:
    pairs = [(found((HERE, 0.9), (NOWHERE, 0.5), ((300, 0, 310, 10), 0.5), (THERE, 0.4)), truth(HERE, THERE))]
    assert best_threshold(pairs, "waste", (0.2, 0.8), beta=2.0) == 0.2
    assert best_threshold(pairs, "waste", (0.2, 0.8), beta=0.5) == 0.8


def test_truth_columns_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="do not fit"):
        TrueBoxes(boxes_xyxy_px=np.zeros((2, 4), np.float32), labels=("waste",))


def mask(*columns: int) -> np.ndarray:
    made = np.zeros((4, 10), np.bool_)
    made[:, list(columns)] = True
    return made


def test_mask_scores_of_a_half_overlap() -> None:
    score = score_masks([mask_counts(mask(0, 1), mask(1, 2))])
    assert (score.iou, score.precision, score.recall, score.f1) == (pytest.approx(1 / 3), 0.5, 0.5, 0.5)


def test_mask_scores_pool_pixels_but_also_average_pictures() -> None:
    score = score_masks([mask_counts(mask(*range(8)), mask(*range(8))), mask_counts(mask(), mask(0, 1))])
    assert score.iou == pytest.approx(0.8)
    assert score.mean_picture_iou == pytest.approx(0.5)


def test_a_surface_on_dry_ground_is_counted_as_an_alarm() -> None:
    score = score_masks([mask_counts(mask(3), mask()), mask_counts(mask(), mask())])
    assert (score.dry_pictures, score.dry_pictures_with_alarm, score.recall) == (2, 1, None)
    assert score.dry_share_found == pytest.approx(0.05)


def test_masks_of_different_pictures_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="not of one picture"):
        mask_counts(mask(), np.zeros((2, 2), np.bool_))
