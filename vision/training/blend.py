"""The mean of a trained detector and the weights it began as: what it forgot comes back, what it learnt mostly stays.

Two networks of which one grew from the other lie in one valley of the loss, so weights between them are a network as
good as either, and broader. The share is chosen on the val part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision.training.kept_knowledge import TAUGHT, teacher_columns
from vision.training.torchvision_ops import ensure_torchvision_ops

Tensor = Any


def blended(
    ours: dict[str, Tensor], theirs: dict[str, Tensor], rows: dict[int, int], share: float
) -> dict[str, Tensor]:
    """Return weights between two networks that differ in their classes only.

    Args:
        ours: State of the trained network.
        theirs: State of the network it began as.
        rows: Output rows of theirs by those of ours, for classes that both know; other rows stay ours.
        share: Share of theirs, 0..1.

    Raises:
        ValueError: The share is out of range.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be within 0..1, not {share}")
    mixed = {}
    for name, weight in ours.items():
        other = theirs.get(name)
        if other is None or not weight.dtype.is_floating_point:
            mixed[name] = weight
        elif other.shape == weight.shape:
            mixed[name] = (1 - share) * weight + share * other
        else:
            mixed[name] = weight.clone()
            for our_row, their_row in rows.items():
                mixed[name][our_row] = (1 - share) * weight[our_row] + share * other[their_row]
    return mixed


def blend(checkpoint: Path, weights: Path, out: Path, *, share: float) -> Path:
    """Write the checkpoint of a network between a trained one and its beginning.

    Args:
        checkpoint: What training left.
        weights: COCO weights of the same architecture.
        out: Checkpoint to write.
        share: Share of the COCO weights, 0..1.

    Returns:
        `out`.
    """
    ensure_torchvision_ops()
    import torch
    from ultralytics import YOLO

    ours, theirs = YOLO(str(checkpoint)).model.float(), YOLO(str(weights)).model.float()
    classes = [ours.names[index] for index in range(len(ours.names))]
    columns = teacher_columns(theirs.names, classes)
    rows = {classes.index(label): columns[classes.index(label)][0] for label in TAUGHT if label in classes}
    ours.load_state_dict(blended(ours.state_dict(), theirs.state_dict(), rows, share))
    # read for its other facts only; a checkpoint of ours, so unpickling it is as safe as loading it to train
    content = torch.load(checkpoint, map_location="cpu", weights_only=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**content, "ema": None, "model": ours.half()}, out)
    return out
