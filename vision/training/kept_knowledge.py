"""Learning new classes without forgetting the old: what the COCO weights know is asked of them, picture by picture.

People labelled waste in one set, boats in another and water in a third; nobody labelled everything. Were a missing
label taken for a negative, a network that found people before would unlearn them. So every picture says for which
classes its labels are complete (`judged.json`). For the others the network that it all began with looks at the very
same input, and its probabilities are the target, doubt included; a class that it does not know either is left out of
the loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vision.training.errors import BadSourceError

JUDGED_FILE = "judged.json"

TAUGHT: Mapping[str, tuple[str, ...]] = {"person": ("person",), "vehicle": ("car", "bus", "truck"), "boat": ("boat",)}
"""Classes that the COCO weights can answer for, and the COCO names whose best probability is the answer."""

SURE_ENOUGH_FOR_A_BOX = 0.1
"""Below this probability the teacher's box says nothing."""

ATTENTION = 4.0
"""How much more an answer weighs where the teacher is certain: almost everywhere it sees nothing, and says so."""

Tensor = Any
Network = Any
"""Torch things; torch is not there where types are checked."""


def write_judged(folder: Path, judged: Mapping[str, Iterable[str]]) -> None:
    """Note for which classes the labels of each picture are complete.

    Args:
        folder: A folder with `images/` and `labels/` to train on.
        judged: Classes by path or file name; a picture that is not named counts as fully labelled.
    """
    rows = {name: sorted(labels) for name, labels in sorted(judged.items())}
    (folder / JUDGED_FILE).write_text(json.dumps(rows), encoding="utf-8")


def read_judged(folder: Path) -> dict[str, frozenset[str]]:
    """Read what `write_judged` noted.

    Raises:
        BadSourceError: The file is missing.
    """
    path = folder / JUDGED_FILE
    if not path.is_file():
        raise BadSourceError(path, "is missing (it says which labels of a picture are complete)")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {name: frozenset(labels) for name, labels in rows.items()}


def teacher_columns(names: Mapping[int, str], classes: Sequence[str]) -> dict[int, list[int]]:
    """Return which outputs of the teacher answer for which output of ours.

    Args:
        names: The teacher's class names by output.
        classes: Ours, by output.
    """
    by_name = {name: index for index, name in names.items()}
    columns = {
        classes.index(label): [by_name[name] for name in coco if name in by_name]
        for label, coco in TAUGHT.items()
        if label in classes
    }
    return {ours: theirs for ours, theirs in columns.items() if theirs}


def answers(scores: Tensor, columns: Mapping[int, Sequence[int]], classes: int) -> Tensor:
    """Return the teacher's probabilities in our order, 0 where it knows nothing.

    Args:
        scores: Logits of the teacher, shape (pictures, its classes, anchors).
        columns: See `teacher_columns`.
        classes: Number of our classes.

    Returns:
        Shape (pictures, anchors, classes), 0..1.
    """
    probabilities = scores.sigmoid()
    told = probabilities.new_zeros(scores.shape[0], scores.shape[2], classes)
    for ours, theirs in columns.items():
        told[..., ours] = probabilities[:, list(theirs)].amax(dim=1)
    return told


def remembering_loss(model: Network, teacher: Network, judged: Mapping[str, frozenset[str]]) -> Any:  # noqa: ANN401
    """Return ultralytics' detection loss for `model`, with the teacher's answers where nobody labelled.

    Args:
        model: The network in training.
        teacher: The network it began as, with COCO classes, on the same device.
        judged: Classes with complete labels by path or file name (see `write_judged`).
    """
    import torch
    from ultralytics.utils.loss import v8DetectionLoss

    classes = [model.names[index] for index in range(len(model.names))]
    columns = teacher_columns(teacher.names, classes)
    teacher = teacher.eval()
    for parameter in teacher.parameters():
        parameter.requires_grad = False

    class RememberingLoss(v8DetectionLoss):  # type: ignore[misc]  # torch is not there where types are checked
        def __init__(self) -> None:
            super().__init__(model)
            self._labelled_bce = torch.nn.BCEWithLogitsLoss(reduction="none")
            self.bce = self._bce
            self._told: Tensor = None
            self._weights: Tensor = None
            self._asked: Tensor = None

        def _bce(self, predicted: Tensor, target: Tensor) -> Tensor:
            target = torch.where(self._asked, self._told.to(target.dtype), target)
            weights = self._weights * (1 + ATTENTION * self._told * self._asked)
            return self._labelled_bce(predicted, target) * weights

        def _ask(self, batch: dict[str, Any]) -> Tensor:
            """Let the teacher look; returns its raw boxes."""
            with torch.no_grad():
                seen = teacher(batch["img"])[1]
            known = [judged.get(file, judged.get(Path(file).name, frozenset(classes))) for file in batch["im_file"]]
            complete = torch.tensor([[label in labels for label in classes] for labels in known])
            answered = torch.tensor([index in columns for index in range(self.nc)])
            complete, answered = complete.to(self.device), answered.to(self.device)
            self._asked = (~complete & answered)[:, None, :]
            self._weights = (complete | answered)[:, None, :].to(seen["scores"].dtype)
            self._told = answers(seen["scores"], columns, self.nc)
            return seen["boxes"]

        def _box_memory(self, boxes: Tensor, taught_boxes: Tensor) -> Tensor:
            """Cross entropy of the sides' distributions where the teacher sees something nobody labelled."""
            sure = (self._told * self._asked).amax(dim=2)
            sure = torch.where(sure >= SURE_ENOUGH_FOR_A_BOX, sure, torch.zeros_like(sure))
            shape = (boxes.shape[0], 4, self.reg_max, boxes.shape[2])
            goal = taught_boxes.reshape(shape).softmax(dim=2)
            entropy = -(goal * boxes.reshape(shape).log_softmax(dim=2)).sum(dim=2).mean(dim=1)
            return (entropy * sure).sum() / sure.sum().clamp(min=1.0)

        def loss(self, preds: dict[str, Tensor], batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
            taught_boxes = self._ask(batch)
            total, items = super().loss(preds, batch)
            memory = self.hyp.dfl * self._box_memory(preds["boxes"], taught_boxes)
            total[2] = total[2] + memory * preds["boxes"].shape[0]
            return total, items

    return RememberingLoss()
