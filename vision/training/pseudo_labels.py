"""Boxes for what nobody labelled, from COCO weights: so that a missing label is no false negative in training."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vision.boxes import iou_matrix
from vision.training.cards import sha256_of
from vision.training.checkpoints import open_checkpoint
from vision.training.labels import OBJECT_LABELS, RelativeBox, read_labels, write_labels
from vision.training.prepare import Entry, read_manifest
from vision.training.sources import SYNTHETIC
from vision.training.torchvision_ops import ensure_torchvision_ops

UltralyticsResult = Any

LABEL_OF_COCO = {"person": "person", "car": "vehicle", "bus": "vehicle", "truck": "vehicle"}
"""Boats are labelled where there are any (the lake); what looks like one in a street is mostly a skip."""

MIN_CONFIDENCE = 0.35
SAME_THING_IOU = 0.6
NOTES_FILE = "pseudo_labels.json"


def boxes_to_add(
    given: Sequence[RelativeBox], guessed: Iterable[RelativeBox], labelled: frozenset[str]
) -> list[RelativeBox]:
    """Return the guesses of classes that nobody looked for, without repeats (a van is often a car and a truck)."""
    added: list[RelativeBox] = []
    for guess in guessed:
        if guess.label in labelled:
            continue
        like = [_sides(other) for other in [*given, *added] if other.label == guess.label]
        if not (iou_matrix([_sides(guess)], like) >= SAME_THING_IOU).any():
            added.append(guess)
    return added


def _sides(box: RelativeBox) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _guesses(result: UltralyticsResult, min_confidence: float) -> list[RelativeBox]:
    """Convert one ultralytics result, best first."""
    boxes = result.boxes
    rows = sorted(zip(boxes.conf.tolist(), boxes.cls.tolist(), boxes.xyxyn.tolist(), strict=True), reverse=True)
    guesses = []
    for confidence, class_id, (left, top, right, bottom) in rows:
        label = LABEL_OF_COCO.get(result.names[int(class_id)])
        if label and confidence >= min_confidence and left < right and top < bottom:
            guesses.append(RelativeBox(label=label, left=left, top=top, right=right, bottom=bottom))
    return guesses


def _wanting(entries: Iterable[Entry]) -> list[Entry]:
    """Choose what gets guesses: never what measures (test), never composed pictures (their truth is complete)."""
    return [e for e in entries if e.split != "test" and e.source != SYNTHETIC]


def add_pseudo_labels(objects: Path, weights: Path, *, min_confidence: float = MIN_CONFIDENCE) -> dict[str, int]:
    """Rewrite `labels/` of the train and val parts as `labels_given/` plus guesses; may be repeated.

    What the weights see in a picture is kept in `pseudo_labels.json` beside the set, so that preparing it again (with
    other composed pictures, say) does not look at every picture anew.

    Args:
        objects: The `objects` folder that `prepare` wrote.
        weights: COCO weights, an ultralytics `.pt`.
        min_confidence: Guesses below it, 0..1, are not added.

    Returns:
        Number of added boxes per label.
    """
    notes = objects.parent / NOTES_FILE
    origin = {"weights": sha256_of(weights), "min_confidence": min_confidence}
    guesses = _remembered(notes, origin)
    counts: Counter[str] = Counter()
    look = None
    for entry in _wanting(read_manifest(objects)):
        picture = objects / "images" / entry.split / entry.name
        if entry.name not in guesses:
            look = look or _looker(weights, min_confidence)
            guesses[entry.name] = look(picture)
        given = read_labels(objects / "labels_given" / entry.split / f"{picture.stem}.txt", OBJECT_LABELS)
        added = boxes_to_add(given, guesses[entry.name], entry.labelled)
        write_labels(objects / "labels" / entry.split / f"{picture.stem}.txt", [*given, *added], OBJECT_LABELS)
        counts.update(box.label for box in added)
    rows = {name: [asdict(box) for box in boxes] for name, boxes in guesses.items()}
    notes.write_text(json.dumps({**origin, "added": dict(counts), "guesses": rows}), encoding="utf-8")
    return dict(counts)


def _remembered(notes: Path, origin: dict[str, Any]) -> dict[str, list[RelativeBox]]:
    """Read earlier guesses of the same weights at the same confidence."""
    if not notes.is_file():
        return {}
    content = json.loads(notes.read_text(encoding="utf-8"))
    if any(content.get(key) != value for key, value in origin.items()):
        return {}
    return {name: [RelativeBox(**row) for row in rows] for name, rows in content["guesses"].items()}


def _looker(weights: Path, min_confidence: float) -> Callable[[Path], list[RelativeBox]]:
    """Load the weights and return what looks at a picture with them."""
    ensure_torchvision_ops()
    model = open_checkpoint(weights)

    def look(picture: Path) -> list[RelativeBox]:
        return _guesses(model.predict(str(picture), imgsz=640, conf=min_confidence, verbose=False)[0], min_confidence)

    return look
