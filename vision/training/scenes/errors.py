"""What can go wrong while scenes are rendered."""

from __future__ import annotations

from pathlib import Path

from vision.training.errors import TrainingError


class NoBlenderError(TrainingError):
    """Blender cannot be imported."""

    def __init__(self) -> None:
        super().__init__(
            "Blender as a Python module (bpy) is not installed; on Python 3.11: pip install 'flyonce[scenes]'"
        )


class RenderError(TrainingError):
    """What Blender wrote is not what was asked for."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; render again, or report this with the version of bpy")
        self.path = path


class BadScenesError(TrainingError):
    """A folder of scenes cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
