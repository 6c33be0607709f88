"""Thresholds chosen on val, figures measured on test, both written into the models' cards; nothing else may choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision.evaluation import best_threshold, score_masks
from vision.model_card import ModelCard, read_card
from vision.onnx_detector import OnnxDetector
from vision.sources.photos import photo_paths, read_frame
from vision.training.card_figures import FIGURES_FILE, headline, write_figures_file
from vision.training.cards import read_card_table, write_card
from vision.training.dataset import WATER, DataSet, read_data_set
from vision.training.errors import ThresholdsNeedValError
from vision.training.exam import WATER_CANDIDATES, Exam, WaterRow, examine, painted
from vision.training.looking import model_dirs
from vision.training.scores import Table, is_rendered, objects_block, report, water_block

OBJECT_CANDIDATES = tuple(round(0.25 + 0.05 * i, 2) for i in range(14))
"""Below a quarter, what looks best on a few dozen things of val is loud where there is none."""
CAUTION_BETA = 0.5
"""Somebody is sent to every finding, so a false alarm weighs more than a miss when a threshold is chosen."""

BETA = {"person": 1.0}
"""Labels with another balance: where a person is, somebody only looks at the picture, and who is missed is lost."""

LOOKED_FOR = (0.2,)
"""Candidates below those, for the labels with a balance of their own."""

MOST_DRY_SHARE = 0.02
"""No data set of dry ground may have more of its pixels called water."""

WORTH_OF_CAUTION = 0.01
"""So much IoU is given for a higher threshold: most ground is dry, and data sets of floods hold little of it."""

ENOUGH_REAL = 10
"""With fewer real things of a label than this, rendered ones help to choose its threshold."""

CAREFUL = 0.5
"""Threshold of a label of which there is nothing to choose by."""

HOW = (
    "flyonce evaluate: ONNX Runtime through vision.onnx_detector, CPU; boxes matched and average precision "
    "interpolated as COCO does, precision and recall at IoU 0.5 and the thresholds above; surfaces painted and "
    "compared with drawn masks; sizes are sides in pixels of the picture"
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A threshold and what it was chosen by.

    Attributes:
        value: Least confidence, 0..1.
        by: `real`, `real and rendered` or `nothing` (then it is a careful guess).
        truths: Things (or pictures, for surfaces) that it was chosen by.
    """

    value: float
    by: str
    truths: int


def choose_thresholds(data: DataSet, exam: Exam) -> dict[str, Choice]:
    """Choose a threshold per label with the best F-beta, on the val part only.

    Args:
        data: The val part of a data set.
        exam: What the models answered for it.

    Raises:
        ThresholdsNeedValError: The data set holds other parts.
    """
    if data.parts != ("val",):
        raise ThresholdsNeedValError(data.root, data.parts)
    choices = {label: _choose_for_boxes(exam, label) for label in exam.labels}
    if exam.water:
        choices[WATER] = _choose_for_water(exam.water)
    return choices


def write_thresholds(models: Path, choices: Mapping[str, Choice], data: DataSet) -> list[Path]:
    """Write thresholds into the cards of the models that answer those labels; labels without a choice keep theirs.

    Args:
        models: Folder of models, or of one model.
        choices: By label.
        data: What they were chosen on, for the card.

    Returns:
        The folders whose cards were written.
    """
    written = []
    for folder in model_dirs(models):
        card, table = read_card(folder), read_card_table(folder)
        mine = {label: choice for label, choice in choices.items() if label in card.labels}
        if not mine:
            continue
        table["thresholds"] = {
            label: mine[label].value if label in mine else card.threshold(label) for label in card.labels
        }
        table["thresholds_chosen"] = {
            "data_set": data.root.name,
            "part": "val",
            "pictures": len(data.samples),
            "by": {label: {"chosen_by": choice.by, "truths": choice.truths} for label, choice in mine.items()},
        }
        write_card(folder, table)
        written.append(folder)
    return written


def write_figures(models: Path, exam: Exam, data: DataSet) -> list[Path]:
    """Write what was measured beside the models, real and rendered pictures apart: the headline into their cards.

    Args:
        models: Folder of models, or of one model.
        exam: What the models answered.
        data: The pictures.

    Returns:
        The folders whose cards were written.
    """
    names = {card.name for card in exam.cards}
    written = []
    for folder in model_dirs(models):
        card = read_card(folder)
        if card.name not in names:
            continue
        figures = {kind: _figures_of(card, exam, rendered=kind == "rendered") for kind in ("real", "rendered")}
        part = "+".join(data.parts)
        write_figures_file(folder, {"how": HOW, part: {"data_set": data.root.name, **figures}})
        table = read_card_table(folder)
        told = {kind: headline(block) for kind, block in figures.items()}
        table["metrics"] = {"how": HOW, "all": FIGURES_FILE, part: {"data_set": data.root.name, **told}}
        write_card(folder, table)
        written.append(folder)
    return written


def evaluate_model(model_dir: Path, prepared: Path, *, answers: Path | None = None) -> dict[str, Any]:
    """Choose thresholds on val, measure test, write both into the card.

    Args:
        model_dir: Folder of the model.
        prepared: A data set with the parts `val` and `test`.
        answers: Folder to keep the model's answers in, so that a stopped run goes on.

    Returns:
        The report on the test part.
    """
    val = read_data_set(prepared, part="val")
    write_thresholds(model_dir, choose_thresholds(val, examine(val, model_dir, answers=answers)), val)
    test = read_data_set(prepared, part="test")
    exam = examine(test, model_dir, answers=answers)
    write_figures(model_dir, exam, test)
    return report(exam)


def count_findings(model_dir: Path, folder: Path, *, on_picture: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Count what a model with its card's thresholds finds in unlabelled pictures, and note it in the card.

    It is no measure of accuracy: nobody labelled these. It shows how loud a model is where little is to be found.

    Args:
        model_dir: Folder of the model.
        folder: Folder of pictures; the folder above it names them.
        on_picture: Called after each picture.
    """
    detector = OnnxDetector.open(model_dir)
    findings: Counter[str] = Counter()
    pictures_with: Counter[str] = Counter()
    area_px = water_px = 0.0
    paths = photo_paths(folder)
    for path in paths:
        frame = read_frame(path)
        found = detector(frame)
        findings.update(found.labels)
        pictures_with.update(set(found.labels))
        area_px += frame.image_bgr.shape[0] * frame.image_bgr.shape[1]
        water_px += float(painted(found, frame.size_wh_px).sum())
        on_picture()
    noted: dict[str, Any] = {
        "pictures": len(paths),
        "findings": dict(findings),
        "pictures_with_findings": dict(pictures_with),
    }
    if read_card(model_dir).task == "semantic":
        noted["share_of_ground"] = round(water_px / max(area_px, 1.0), 4)
    card = read_card_table(model_dir)
    looked = {**card.get("unlabelled_flights", {}), folder.parent.name: noted}
    write_card(model_dir, {**card, "unlabelled_flights": looked})
    return noted


def _choose_for_boxes(exam: Exam, label: str) -> Choice:
    rows = [row for row in exam.objects if label in row.sample.labelled]
    real = [row for row in rows if not is_rendered(row)]
    enough = sum(len(row.truth.of(label)) for row in real) >= ENOUGH_REAL
    used = real if enough else rows
    truths = sum(len(row.truth.of(label)) for row in used)
    pairs = [(row.doubtful, row.truth) for row in used]
    candidates = (*LOOKED_FOR, *OBJECT_CANDIDATES) if label in BETA else OBJECT_CANDIDATES
    value = best_threshold(pairs, label, candidates, beta=BETA.get(label, CAUTION_BETA))
    if value is None:
        return Choice(value=CAREFUL, by="nothing", truths=truths)
    return Choice(value=value, by="real" if enough or len(real) == len(rows) else "real and rendered", truths=truths)


def _choose_for_water(rows: Sequence[WaterRow], candidates: Sequence[float] = WATER_CANDIDATES) -> Choice:
    """Choose the highest threshold that costs little IoU and calls little dry ground water.

    Little IoU is `WORTH_OF_CAUTION` below the best mean IoU of the wet data sets; little dry ground is
    `MOST_DRY_SHARE` of each dry data set. Where none keeps that, the threshold that exceeds it least is taken.
    """
    real = [row for row in rows if not is_rendered(row)]
    used = real or list(rows)
    sources: dict[str, list[WaterRow]] = {}
    for row in used:
        sources.setdefault(row.sample.source, []).append(row)

    def excess_and_iou(value: float) -> tuple[float, float]:
        scores = [score_masks([row.counts[str(value)] for row in part]) for part in sources.values()]
        dry = [score.dry_share_found or 0.0 for score in scores if score.dry_pictures == score.pictures]
        wet = [score.iou or 0.0 for score in scores if score.dry_pictures < score.pictures]
        return max(0.0, max(dry, default=0.0) - MOST_DRY_SHARE), float(np.mean(wet)) if wet else 0.0

    seen = {value: excess_and_iou(value) for value in candidates}
    least = min(excess for excess, _ in seen.values())
    kept = {value: iou for value, (excess, iou) in seen.items() if excess == least}
    best = max(value for value, iou in kept.items() if iou >= max(kept.values()) - WORTH_OF_CAUTION)
    return Choice(value=best, by="real" if real else "rendered", truths=len(used))


def _figures_of(card: ModelCard, exam: Exam, *, rendered: bool) -> Table | None:
    if card.task == "semantic":
        return water_block([row for row in exam.water if is_rendered(row) == rendered])
    labels = [label for label in exam.labels if label in card.labels]
    block = objects_block([row for row in exam.objects if is_rendered(row) == rendered], labels)
    return None if block is None else {key: value for key, value in block.items() if key != "confusion"}
