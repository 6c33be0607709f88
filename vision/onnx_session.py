"""A network opened with ONNX Runtime and checked against its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnxruntime

from vision.errors import ModelError
from vision.model_card import MODEL_FILE, ModelCard, read_model

CPU = ("CPUExecutionProvider",)


def open_model(
    model_dir: Path, *, threads: int = 1, providers: Sequence[str] = CPU
) -> tuple[ModelCard, onnxruntime.InferenceSession]:
    """Open a model folder.

    Args:
        model_dir: Folder with `card.yaml` and `model.onnx`.
        threads: Threads within one inference.
        providers: ONNX Runtime's execution providers, best first.

    Returns:
        The card and the network; its `run` may be called from several threads.

    Raises:
        ModelError: If the folder does not hold a model that can be run here.
    """
    card, data = read_model(model_dir)
    session = _session(model_dir, data, threads, providers)
    _check_input(model_dir, session, card)
    return card, session


def _session(model_dir: Path, data: bytes, threads: int, providers: Sequence[str]) -> onnxruntime.InferenceSession:
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise ModelError(
            model_dir,
            f"asks for the execution provider {', '.join(sorted(missing))}, which is not installed",
            f"choose among {', '.join(onnxruntime.get_available_providers())}",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, sess_options=options, providers=list(providers))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelError(model_dir / MODEL_FILE, f"cannot be run ({reason})", "export it again") from error


def _check_input(model_dir: Path, session: onnxruntime.InferenceSession, card: ModelCard) -> None:
    shape = session.get_inputs()[0].shape
    wanted = (1, 3, card.input_px[1], card.input_px[0])
    fits = len(shape) == 4 and all(not isinstance(a, int) or a == b for a, b in zip(shape, wanted, strict=True))
    if not fits:
        raise ModelError(
            model_dir / MODEL_FILE,
            f"takes input {shape}, but its card says {list(wanted)}",
            "correct input_px in the card",
        )
