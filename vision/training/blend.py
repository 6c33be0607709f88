"""The mean of a trained network and one it is kin to: what it forgot comes back, what it learnt mostly stays.

Two networks of which one grew from the other, or both from a third, lie in one valley of the loss, so weights between
them are a network as good as either, and broader. The share is chosen on the val part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision.training.checkpoints import open_checkpoint
from vision.training.errors import BadSourceError
from vision.training.kept_knowledge import teacher_columns
from vision.training.train import prepare_environment

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
    """Write the checkpoint of a network between two.

    Args:
        checkpoint: What training left; the classes are its.
        weights: Weights of the same architecture: another checkpoint of ours, or the COCO weights it began as.
        out: Checkpoint to write.
        share: Share of `weights`, 0..1.

    Returns:
        `out`.

    Raises:
        BadCheckpointError: A file is missing, or no checkpoint.
        BadSourceError: The two are networks of different kinds.
        ExtraMissingError: The extra `train` is not installed.
        ValueError: The share is out of range.
    """
    prepare_environment(1, quiet=True)
    import torch

    ours, theirs = (open_checkpoint(path).model.float() for path in (checkpoint, weights))
    if not _kin(ours.state_dict(), theirs.state_dict()):
        raise BadSourceError(weights, f"is another kind of network than {checkpoint}", "blend two of one architecture")
    classes = [ours.names[index] for index in range(len(ours.names))]
    rows = {ours_row: columns[0] for ours_row, columns in teacher_columns(theirs.names, classes).items()}
    ours.load_state_dict(blended(ours.state_dict(), theirs.state_dict(), rows, share))
    # read for its other facts only; a checkpoint of ours, so unpickling it is as safe as loading it to train
    content = torch.load(checkpoint, map_location="cpu", weights_only=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**content, "ema": None, "model": ours.half()}, out)
    return out


def _kin(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    """Whether two states differ at most in the number of classes."""
    return ours.keys() == theirs.keys() and all(
        weight.shape[1:] == theirs[name].shape[1:] for name, weight in ours.items()
    )
