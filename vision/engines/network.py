"""What the detectors ask of an engine: a tensor in, the network's answers out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vision.errors import ModelError
from vision.model_card import MODEL_FILE, ModelCard


class Network(Protocol):
    """One opened network; several threads may call it at a time."""

    @property
    def takes_any_size(self) -> bool:
        """True if width and height of the input may be any multiple of 32; else they are the card's."""
        ...

    @property
    def computes_elsewhere(self) -> bool:
        """True if a call waits while others compute: threads of the network's own, or a graphics card."""
        ...

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Answer one input.

        Args:
            tensor: Shape (1, 3, height, width), float32, RGB, 0 to 1; not kept.

        Returns:
            The network's outputs, the caller's own.
        """
        ...


def takes_any_size(model_dir: Path, shape: Sequence[object], card: ModelCard) -> bool:
    """Check a network's input against its card.

    Args:
        model_dir: The model's folder, for the message.
        shape: The network's input; a side that is not an integer is open.
        card: The model's card.

    Returns:
        True if both height and width are open.

    Raises:
        ModelError: If the card names another size than the network takes.
    """
    wanted = (1, 3, card.input_px[1], card.input_px[0])
    if len(shape) != 4 or any(isinstance(a, int) and a != b for a, b in zip(shape, wanted, strict=True)):
        raise ModelError(
            model_dir / MODEL_FILE,
            f"takes input {list(shape)}, but its card says {list(wanted)}",
            "correct input_px in the card",
        )
    return not isinstance(shape[2], int) and not isinstance(shape[3], int)
