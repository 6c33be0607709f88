"""What can go wrong while a training set is built or a model is trained."""

from __future__ import annotations

from pathlib import Path

from vision.errors import VisionError


class TrainingError(VisionError):
    """Base of all errors of the training tools."""


class BadLabelError(TrainingError):
    """A label file holds a line that is no YOLO box or polygon."""

    def __init__(self, path: Path, line_number: int, reason: str) -> None:
        super().__init__(f"{path}, line {line_number}: {reason}; correct or remove the line")
        self.path = path
        self.line_number = line_number


class BadSourceError(TrainingError):
    """A data set's folder lacks what its converter reads."""

    def __init__(
        self, path: Path, reason: str, remedy: str = "give the folder that holds the training data sets with --data"
    ) -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path = path


class BadDataSetError(TrainingError):
    """A data set is not in the layout that is read here."""

    def __init__(self, path: Path, reason: str, remedy: str = "correct it") -> None:
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path = path
        self.reason = reason


class ThresholdsNeedValError(TrainingError):
    """Thresholds were to be chosen on pictures that must only measure."""

    def __init__(self, path: Path, parts: tuple[str, ...]) -> None:
        super().__init__(
            f"{path}: thresholds may be chosen on the part val alone, not on {', '.join(parts)}; add --split val"
        )
        self.path = path
        self.parts = parts


class ExtraMissingError(TrainingError):
    """Training needs packages that only the extra `train` brings."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"{package} is not installed; install flyonce with the extra train: pip install 'flyonce[train]'"
        )
        self.package = package


class BadCheckpointError(TrainingError):
    """A file of weights cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; give a .pt of ultralytics, uncut")
        self.path = path
        self.reason = reason


class BadDeviceError(TrainingError):
    """The device to train on is not here."""

    def __init__(self, device: str) -> None:
        super().__init__(f"--device {device}: is not on this machine; give cpu, or the number of a GPU that it has")
        self.device = device


class ResumeError(TrainingError):
    """A run cannot be started or resumed."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; give --weights to begin a new run in another folder")
        self.path = path
        self.reason = reason


class ExportMismatchError(TrainingError):
    """An exported model does not answer as the trained one does."""

    def __init__(self, path: Path, difference: float, allowed: float) -> None:
        super().__init__(
            f"{path}: differs from the trained model by {difference:.4g} (allowed {allowed:.4g}); do not ship it"
        )
        self.path = path
        self.difference = difference
