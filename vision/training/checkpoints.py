"""Opening checkpoints of ultralytics, with one clear word about a file that is none."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from vision.training.errors import BadCheckpointError

# What torch and ultralytics raise over a file that is cut off, of another kind or made by another program.
_BROKEN = (
    AttributeError,
    EOFError,
    ImportError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


def open_checkpoint(path: Path) -> Any:  # noqa: ANN401 - ultralytics' YOLO, which is not there where types are checked
    """Open weights; `prepare_environment` was called before.

    Args:
        path: A `.pt` of ultralytics.

    Returns:
        Ultralytics' model.

    Raises:
        BadCheckpointError: The file is missing, or no such checkpoint.
    """
    from ultralytics import YOLO

    if not path.is_file():  # ultralytics would look for it on the network
        raise BadCheckpointError(path, "is no file of weights")
    if path.suffix != ".pt":  # ultralytics would take it for an exported network, and open it later
        raise BadCheckpointError(path, "is not called .pt")
    try:
        return YOLO(str(path))
    except _BROKEN as error:
        raise BadCheckpointError(path, "is no checkpoint that can be read, or damaged") from error
