"""A network opened and checked against its card."""

from __future__ import annotations

from pathlib import Path

from vision.engines.choosing import open_network, usable_cores
from vision.engines.names import Engine
from vision.engines.network import Network
from vision.model_card import ModelCard, read_model


def open_model(
    model_dir: Path, *, engine: Engine = "onnxruntime", workers: int | None = None
) -> tuple[ModelCard, Network]:
    """Open a model folder.

    Args:
        model_dir: Folder with `card.yaml` and `model.onnx`.
        engine: What is to run it.
        workers: Calls at a time; the number of usable cores if None.

    Returns:
        The card and the network, which several threads may call.

    Raises:
        ModelError: If the folder does not hold a model that can be run here, or the engine is not here.
    """
    card, data = read_model(model_dir)
    return card, open_network(model_dir, card, data, engine=engine, workers=workers or usable_cores())
